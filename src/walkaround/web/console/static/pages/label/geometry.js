/** Boxes and polygons on a picture: pure arithmetic in pixels of the upright original, no DOM. Boxes are [left, top, right, bottom]. */

/** Names of a box's handles, and which edges each moves: -1 left or top, 1 right or bottom, 0 none. */
export const HANDLES = { nw: [-1, -1], n: [0, -1], ne: [1, -1], e: [1, 0], se: [1, 1], s: [0, 1], sw: [-1, 1], w: [-1, 0] };
const LEAST = 1; // pixels that a side of a box has at least

const within = (value, low, high) => Math.min(Math.max(value, low), high);
const rounded = (value) => Math.round(value * 10) / 10;

/** A point brought into the picture, to a tenth of a pixel. */
export const heldIn = ([x, y], { width, height }) => [rounded(within(x, 0, width)), rounded(within(y, 0, height))];

/**
 * The box between two corners in any order, within the picture.
 * @returns {number[]|null} null where it has no area.
 */
export function boxBetween(one, other, picture) {
  const [a, b] = [heldIn(one, picture), heldIn(other, picture)];
  const box = [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
  return box[2] - box[0] < LEAST || box[3] - box[1] < LEAST ? null : box;
}

/** A box moved; it stays in the picture and keeps its size. */
export function boxMoved(box, dx, dy, { width, height }) {
  const x = within(dx, -box[0], width - box[2]);
  const y = within(dy, -box[1], height - box[3]);
  return [box[0] + x, box[1] + y, box[2] + x, box[3] + y].map(rounded);
}

/**
 * A box with some edges moved; pulled over the opposite edge it turns inside out, and stays a box.
 * @param {number[]} box
 * @param {keyof typeof HANDLES} handle
 * @param {number[]} to where the handle is now.
 */
export function boxResized(box, handle, to, picture) {
  const [across, down] = HANDLES[handle];
  const [x, y] = heldIn(to, picture);
  const edges = [across < 0 ? x : box[0], down < 0 ? y : box[1], across > 0 ? x : box[2], down > 0 ? y : box[3]];
  const sides = [Math.min(edges[0], edges[2]), Math.min(edges[1], edges[3]), Math.max(edges[0], edges[2]), Math.max(edges[1], edges[3])];
  if (sides[2] - sides[0] < LEAST) sides[across < 0 ? 0 : 2] = across < 0 ? sides[2] - LEAST : sides[0] + LEAST;
  if (sides[3] - sides[1] < LEAST) sides[down < 0 ? 1 : 3] = down < 0 ? sides[3] - LEAST : sides[1] + LEAST;
  return sides.map(rounded);
}

/** Where the handles of a box are: {nw: [x, y], …}. */
export function handlePoints([left, top, right, bottom]) {
  const at = (side, low, high) => (side < 0 ? low : side > 0 ? high : (low + high) / 2);
  return Object.fromEntries(Object.entries(HANDLES).map(([name, [x, y]]) => [name, [at(x, left, right), at(y, top, bottom)]]));
}

/** The smallest box around rings of points. */
export function boxAround(rings) {
  const points = rings.flat();
  const [across, down] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return [Math.min(...across), Math.min(...down), Math.max(...across), Math.max(...down)];
}

/** Rings moved together; they stay in the picture and keep their shape. */
export function ringsMoved(rings, dx, dy, { width, height }) {
  const [left, top, right, bottom] = boxAround(rings);
  const x = within(dx, -left, width - right);
  const y = within(dy, -top, height - bottom);
  return rings.map((ring) => ring.map((point) => [rounded(point[0] + x), rounded(point[1] + y)]));
}

/** Rings stretched so that the box around them is another one. */
export function ringsStretched(rings, box) {
  const [left, top, right, bottom] = boxAround(rings);
  const across = (box[2] - box[0]) / Math.max(right - left, 1e-6);
  const down = (box[3] - box[1]) / Math.max(bottom - top, 1e-6);
  return rings.map((ring) => ring.map(([x, y]) => [rounded(box[0] + (x - left) * across), rounded(box[1] + (y - top) * down)]));
}

/** Rings with one point at another place. */
export function pointMoved(rings, ring, index, to, picture) {
  return replaced(rings, ring, (points) => points.map((point, number) => (number === index ? heldIn(to, picture) : point)));
}

/** Rings with a new point after the one at `index`. */
export function pointAdded(rings, ring, index, at, picture) {
  return replaced(rings, ring, (points) => [...points.slice(0, index + 1), heldIn(at, picture), ...points.slice(index + 1)]);
}

/** Rings without a point; a ring of three loses itself, and null is left where it was the last one. */
export function pointRemoved(rings, ring, index) {
  const left = rings[ring].length > 3 ? replaced(rings, ring, (points) => points.filter((_, number) => number !== index)) : rings.filter((_, number) => number !== ring);
  return left.length ? left : null;
}

const replaced = (rings, ring, change) => rings.map((points, number) => (number === ring ? change(points) : points));

/** Whether a point lies in a polygon of rings: in an odd number of them, counted by crossings. */
export function isInside([x, y], rings) {
  let inside = false;
  for (const ring of rings) {
    for (let here = 0, before = ring.length - 1; here < ring.length; before = here++) {
      const [[x1, y1], [x2, y2]] = [ring[here], ring[before]];
      if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
    }
  }
  return inside;
}

/** Whether a point lies in a box. */
export const isInBox = ([x, y], [left, top, right, bottom]) => x >= left && x <= right && y >= top && y <= bottom;

/** Twice the area that a ring encloses, without its sign; 0: it is a line. */
export function doubleArea(ring) {
  return Math.abs(ring.reduce((sum, [x, y], index) => {
    const [nextX, nextY] = ring[(index + 1) % ring.length];
    return sum + x * nextY - nextX * y;
  }, 0));
}

/** IoU of two boxes, 0 to 1. */
export function iouOfBoxes(one, other) {
  const across = Math.max(0, Math.min(one[2], other[2]) - Math.max(one[0], other[0]));
  const down = Math.max(0, Math.min(one[3], other[3]) - Math.max(one[1], other[1]));
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  return (across * down) / (area(one) + area(other) - across * down || 1);
}
