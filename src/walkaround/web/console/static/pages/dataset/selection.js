/** Which pictures are chosen: plain values, each change gives a new one. */

/** Nothing is chosen. */
export const NONE = { chosen: new Set(), anchor: null };

/**
 * Choose a picture, or no longer.
 * @param {{chosen: Set<number>, anchor: number|null}} selection `anchor`: index from which a range goes.
 * @param {number[]} ids of all pictures, in order.
 * @param {number} index of the picture.
 */
export function toggled(selection, ids, index) {
  const chosen = new Set(selection.chosen);
  if (!chosen.delete(ids[index])) chosen.add(ids[index]);
  return { chosen, anchor: index };
}

/**
 * Choose all from the anchor to a picture besides those that are chosen.
 * @param {{chosen: Set<number>, anchor: number|null}} selection
 * @param {number[]} ids of all pictures, in order.
 * @param {number} index of the picture.
 */
export function extended(selection, ids, index) {
  const anchor = selection.anchor ?? index;
  const chosen = new Set(selection.chosen);
  for (let at = Math.min(anchor, index); at <= Math.max(anchor, index); at += 1) chosen.add(ids[at]);
  return { chosen, anchor };
}

/** Choose all pictures. */
export const all = (ids) => ({ chosen: new Set(ids), anchor: 0 });

/** The selection without pictures that are gone. */
export function without(selection, gone) {
  const chosen = new Set([...selection.chosen].filter((id) => !gone.has(id)));
  return { chosen, anchor: null };
}
