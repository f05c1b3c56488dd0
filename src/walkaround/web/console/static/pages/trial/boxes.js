/** Boxes that are drawn with a finger or a pointer, in pixels of the upright picture. */

const LEAST = 4;

/**
 * The box between two points, inside the picture.
 * @param {[number, number]} from in pixels.
 * @param {[number, number]} to in pixels.
 * @param {{width: number, height: number}} picture
 * @returns {number[]|null} left, top, right, bottom; null where it is too small to be meant.
 */
export function boxBetween(from, to, { width, height }) {
  const across = [from[0], to[0]].map((x) => Math.max(0, Math.min(width, x))).sort((a, b) => a - b);
  const down = [from[1], to[1]].map((y) => Math.max(0, Math.min(height, y))).sort((a, b) => a - b);
  if (across[1] - across[0] < LEAST || down[1] - down[0] < LEAST) return null;
  return [across[0], down[0], across[1], down[1]].map((edge) => Math.round(edge * 10) / 10);
}

/**
 * Where a pointer is, in pixels of the picture.
 * @param {{clientX: number, clientY: number}} event
 * @param {{left: number, top: number, width: number, height: number}} shown where the picture is on the screen.
 * @param {{width: number, height: number}} picture
 * @returns {[number, number]}
 */
export function pointOf(event, shown, picture) {
  return [((event.clientX - shown.left) / shown.width) * picture.width, ((event.clientY - shown.top) / shown.height) * picture.height];
}
