/** What was done and can be undone: states that never change, in order. Pure, no DOM. */

const MOST = 200; // states that are kept

/** @template T @typedef {{past: T[], present: T, future: T[]}} History */

/** A history that begins. @template T @param {T} present @returns {History<T>} */
export const begun = (present) => ({ past: [], present, future: [] });

/**
 * The history after something was done.
 * @param {{merge?: boolean}} [options] `merge`: it goes on with what was done last, as while an arrow key is held.
 */
export function done(history, present, { merge = false } = {}) {
  if (present === history.present) return history;
  const past = merge && history.past.length ? history.past : [...history.past, history.present].slice(-MOST);
  return { past, present, future: [] };
}

/** The history one step back; the same one where there is none. */
export function undone(history) {
  if (!history.past.length) return history;
  return { past: history.past.slice(0, -1), present: history.past.at(-1), future: [history.present, ...history.future] };
}

/** The history one step forward again; the same one where there is none. */
export function redone(history) {
  if (!history.future.length) return history;
  const [present, ...future] = history.future;
  return { past: [...history.past, history.present], present, future };
}

export const canUndo = (history) => history.past.length > 0;
export const canRedo = (history) => history.future.length > 0;
