/** Masks as COCO's run lengths: pixels down the columns, the first run outside, packed into text five bits a character. Pure, no DOM. */

const ZERO = 48; // the character "0", from which COCO counts

/** @typedef {{width: number, height: number, data: Uint8Array}} Mask data is 0 and 1, row after row. */

/** A mask with nothing in it. @returns {Mask} */
export const emptyMask = (width, height) => ({ width, height, data: new Uint8Array(width * height) });

/**
 * The mask that run lengths stand for.
 * @param {{size: number[], counts: string}} runs size is [height, width].
 * @returns {Mask}
 * @throws {RangeError} the lengths do not fill the size.
 */
export function maskOf({ size: [height, width], counts }) {
  const mask = emptyMask(width, height);
  let at = 0;
  unpacked(counts).forEach((length, index) => {
    if (length < 0 || at + length > width * height) throw new RangeError("The run lengths do not fill the picture.");
    if (index % 2) for (let number = at; number < at + length; number++) mask.data[(number % height) * width + Math.floor(number / height)] = 1;
    at += length;
  });
  if (at !== width * height) throw new RangeError("The run lengths do not fill the picture.");
  return mask;
}

/**
 * The run lengths of a mask.
 * @param {Mask} mask
 * @returns {{size: number[], counts: string}|null} null where nothing is painted.
 */
export function runsOf(mask) {
  const { width, height, data } = mask;
  const bounds = boundsOf(mask);
  if (!bounds) return null;
  const lengths = [];
  let value = 0;
  let length = bounds[0] * height; // no column before it has anything
  for (let x = bounds[0]; x < bounds[2]; x++) {
    for (let y = 0, at = x; y < height; y++, at += width) {
      if (data[at] === value) length++;
      else {
        lengths.push(length);
        value = data[at];
        length = 1;
      }
    }
  }
  const rest = (width - bounds[2]) * height;
  if (value === 0) lengths.push(length + rest);
  else {
    lengths.push(length);
    if (rest) lengths.push(rest);
  }
  return { size: [height, width], counts: packed(lengths) };
}

/** Run lengths as text: each less the one two before it. */
export function packed(lengths) {
  let text = "";
  lengths.forEach((length, index) => {
    let rest = index > 2 ? length - lengths[index - 2] : length;
    for (let more = true; more; ) {
      const bits = rest & 31;
      rest >>= 5;
      more = rest !== (bits & 16 ? -1 : 0);
      text += String.fromCharCode(ZERO + (more ? bits | 32 : bits));
    }
  });
  return text;
}

/** Run lengths from text. */
export function unpacked(text) {
  const lengths = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    let shift = 0;
    for (let more = true; more; ) {
      const bits = text.charCodeAt(at++) - ZERO;
      value |= (bits & 31) << shift;
      shift += 5;
      more = Boolean(bits & 32);
      if (!more && bits & 16 && shift < 32) value |= -1 << shift;
    }
    lengths.push(lengths.length > 2 ? value + lengths.at(-2) : value);
  }
  return lengths;
}

/** The smallest box around what is painted, [left, top, right, bottom]; null around nothing. */
export function boundsOf({ width, height, data }) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width, (y + 1) * width);
    const first = row.indexOf(1);
    if (first < 0) continue;
    left = Math.min(left, first);
    right = Math.max(right, row.lastIndexOf(1) + 1);
    top = Math.min(top, y);
    bottom = y + 1;
  }
  return right ? [left, top, right, bottom] : null;
}

/** How many pixels are painted. */
export const areaOf = ({ data }) => data.reduce((sum, value) => sum + value, 0);

/**
 * Paint, or wipe, with a round brush along a line; the mask itself is changed.
 * @param {Mask} mask
 * @param {number[]} from [x, y] in pixels of the picture.
 * @param {number[]} to
 * @param {number} radius in pixels of the picture.
 * @param {0|1} value 1 paints, 0 wipes.
 * @returns {number[]} the box in which pixels may have changed.
 */
export function stroke(mask, from, to, radius, value) {
  const { width, height, data } = mask;
  const reach = Math.max(radius, 0.5);
  const left = Math.max(0, Math.floor(Math.min(from[0], to[0]) - reach));
  const right = Math.min(width, Math.ceil(Math.max(from[0], to[0]) + reach) + 1);
  const top = Math.max(0, Math.floor(Math.min(from[1], to[1]) - reach));
  const bottom = Math.min(height, Math.ceil(Math.max(from[1], to[1]) + reach) + 1);
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = dx * dx + dy * dy;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const [px, py] = [x + 0.5 - from[0], y + 0.5 - from[1]];
      const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const [ox, oy] = [px - along * dx, py - along * dy];
      if (ox * ox + oy * oy <= reach * reach) data[y * width + x] = value;
    }
  }
  return [left, top, right, bottom];
}

/** Whether something is painted at a point of the picture. */
export function isPainted({ width, height, data }, [x, y]) {
  return x >= 0 && y >= 0 && x < width && y < height && data[Math.floor(y) * width + Math.floor(x)] === 1;
}
