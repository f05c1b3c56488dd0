/** Which rows of a long gallery are to be drawn, and where; no DOM, so that it can be tested by itself. */

/** Smallest width of a tile in pixels, by the size that the reader chose. */
export const TILE_WIDTHS = { small: 104, medium: 168, large: 260 };
/** Distance between tiles in pixels. */
export const GAP = 10;
const TEXT_HEIGHT = 52;
const SPARE_ROWS = 2;

/**
 * How the tiles lie.
 * @param {{width: number, count: number, size: keyof typeof TILE_WIDTHS}} given width of the gallery in pixels, number of tiles.
 * @returns {{columns: number, rows: number, tile: number, rowHeight: number, height: number}} `tile`: width of one in pixels.
 */
export function layout({ width, count, size }) {
  const columns = Math.max(2, Math.floor((width + GAP) / (TILE_WIDTHS[size] + GAP)));
  const tile = Math.max(1, (width - GAP * (columns - 1)) / columns);
  const rowHeight = Math.round(tile * 0.75) + TEXT_HEIGHT + GAP;
  const rows = Math.ceil(count / columns);
  return { columns, rows, tile, rowHeight, height: rows * rowHeight };
}

/**
 * The rows that are seen, with some to spare.
 * @param {{top: number, bottom: number, rowHeight: number, rows: number}} seen pixels of the gallery that are on the screen.
 * @returns {[number, number]} first row, and the one behind the last.
 */
export function rowsSeen({ top, bottom, rowHeight, rows }) {
  const first = Math.max(0, Math.floor(top / rowHeight) - SPARE_ROWS);
  const last = Math.min(rows, Math.ceil(bottom / rowHeight) + SPARE_ROWS);
  return [Math.min(first, last), last];
}

/**
 * Where a key leads.
 * @param {string} key of the keyboard event.
 * @param {number} from index of the tile that has the focus.
 * @param {{columns: number, count: number, page: number}} lies `page`: rows on the screen.
 * @returns {number|null} index of the tile; null where the key leads nowhere.
 */
export function moved(key, from, { columns, count, page }) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -columns * page, PageDown: columns * page };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (!(key in steps)) return null;
  const to = from + steps[key];
  if (Math.abs(steps[key]) > 1 && (to < 0 || to >= count)) {
    if (key === "ArrowUp" || key === "ArrowDown") return from;
    return Math.min(count - 1, Math.max(0, to));
  }
  return Math.min(count - 1, Math.max(0, to));
}
