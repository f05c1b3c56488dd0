/** Where the picture lies on the screen: pure arithmetic, no DOM. A point of the screen is a point of the picture * scale + offset. */

const MOST_SCALE = 40; // screen pixels for one of the picture
const LEAST_SHARE = 0.5; // of the scale at which the whole picture fits
const EDGE = 16; // screen pixels between a crosshair and the edge of the stage
const MARGIN = 12; // screen pixels around a picture that fits

/** @typedef {{scale: number, x: number, y: number}} View scale in screen pixels per pixel of the picture, offset in screen pixels. */
/** @typedef {{width: number, height: number}} Size */

/**
 * The view in which the whole picture is seen, in the middle.
 * @param {Size} picture pixels of the upright original.
 * @param {Size} stage screen pixels.
 * @returns {View}
 */
export function fitted(picture, stage) {
  const scale = fitScale(picture, stage);
  return { scale, x: (stage.width - picture.width * scale) / 2, y: (stage.height - picture.height * scale) / 2 };
}

/**
 * Closer, or further away, so that what is under a point of the screen stays there.
 * @param {View} view
 * @param {number} factor above 1: closer.
 * @param {number[]} at [x, y] in screen pixels.
 * @param {Size} picture
 * @param {Size} stage
 * @returns {View}
 */
export function zoomed(view, factor, at, picture, stage) {
  const least = Math.min(fitScale(picture, stage) * LEAST_SHARE, 1);
  const scale = Math.min(MOST_SCALE, Math.max(least, view.scale * factor));
  const real = scale / view.scale;
  return held({ scale, x: at[0] - (at[0] - view.x) * real, y: at[1] - (at[1] - view.y) * real }, picture, stage);
}

/**
 * Moved by some screen pixels.
 * @returns {View}
 */
export function panned(view, dx, dy, picture, stage) {
  return held({ ...view, x: view.x + dx, y: view.y + dy }, picture, stage);
}

/** The view moved as little as it takes for a point of the picture to be seen. */
export function inSight(view, point, picture, stage) {
  const [x, y] = toScreen(view, point);
  const beyond = (value, most) => Math.min(Math.max(value, EDGE), Math.max(EDGE, most - EDGE)) - value;
  const [dx, dy] = [beyond(x, stage.width), beyond(y, stage.height)];
  return dx || dy ? panned(view, dx, dy, picture, stage) : view;
}

/** A point of the screen as a point of the picture: [x, y] in pixels of the upright original. */
export const toPicture = (view, [x, y]) => [(x - view.x) / view.scale, (y - view.y) / view.scale];

/** A point of the picture as a point of the screen. */
export const toScreen = (view, [x, y]) => [x * view.scale + view.x, y * view.scale + view.y];

/** Two fingers on the screen, before and after: the view that keeps what was under them under them. */
export function pinched(view, before, after, picture, stage) {
  const middle = ([one, other]) => [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
  const apart = ([one, other]) => Math.hypot(one[0] - other[0], one[1] - other[1]);
  const [from, to] = [middle(before), middle(after)];
  const closer = zoomed(view, apart(after) / Math.max(apart(before), 1), from, picture, stage);
  return panned(closer, to[0] - from[0], to[1] - from[1], picture, stage);
}

/** The view with at least a third of the stage, or all of a small picture, still on it: nobody loses the picture. */
function held(view, picture, stage) {
  const keep = (offset, size, room) => {
    const seen = Math.min(size, room) / 3;
    return Math.min(room - seen, Math.max(seen - size, offset));
  };
  return {
    scale: view.scale,
    x: keep(view.x, picture.width * view.scale, stage.width),
    y: keep(view.y, picture.height * view.scale, stage.height),
  };
}

function fitScale(picture, stage) {
  const room = (side) => Math.max(side - 2 * MARGIN, 20);
  return Math.min(room(stage.width) / picture.width, room(stage.height) / picture.height);
}
