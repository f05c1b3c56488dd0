/** Where things are on the timeline of a video, and which frame belongs to a moment. No page needed; times in seconds. */

const LEAST_SHARE = 0.006;

/**
 * Where a stretch lies on a line of length 1, never so short that it could not be seen or hit.
 * @param {{start: number, end: number}} span
 * @param {number} duration
 * @returns {{left: number, width: number}}
 */
export function placed(span, duration) {
  const whole = Math.max(duration, 1e-6);
  const width = Math.min(1, Math.max(LEAST_SHARE, (span.end - span.start) / whole));
  return { left: Math.min(1 - width, Math.max(0, span.start / whole)), width };
}

/**
 * The frame that was looked at nearest to a moment; null where there is none.
 * @template {{time?: number}} F
 * @param {F[]} frames in order of time.
 * @param {number} time
 * @returns {F|null}
 */
export function nearest(frames, time) {
  let best = null;
  for (const frame of frames) if (best === null || Math.abs((frame.time ?? 0) - time) < Math.abs((best.time ?? 0) - time)) best = frame;
  return best;
}

/**
 * The frame that lies on the screen at a moment, if it was looked at then or almost then.
 * @template {{time?: number}} F
 * @param {F[]} frames in order of time.
 * @param {number} time
 * @returns {F|null}
 */
export function shownAt(frames, time) {
  const found = nearest(frames, time);
  return found && Math.abs((found.time ?? 0) - time) <= Math.max(0.25, stepOf(frames) / 2) ? found : null;
}

/**
 * The index of the frame one goes to from another, among all frames or the damaged ones alone; the same where there is none.
 * @param {{anomalous: boolean}[]} frames
 * @param {number} index
 * @param {1|-1} step
 * @param {{damaged?: boolean}} [options]
 */
export function following(frames, index, step, { damaged = false } = {}) {
  for (let next = index + step; next >= 0 && next < frames.length; next += step) if (!damaged || frames[next].anomalous) return next;
  return index;
}

/** A moment of a video, such as "1:05.3". */
export function clock(time) {
  const tenths = Math.round((time ?? 0) * 10);
  const minutes = Math.floor(tenths / 600);
  const seconds = (tenths % 600) / 10;
  return `${minutes}:${seconds < 10 ? "0" : ""}${seconds.toFixed(1)}`;
}

function stepOf(frames) {
  if (frames.length < 2) return 1;
  const steps = frames.slice(1).map((frame, index) => (frame.time ?? 0) - (frames[index].time ?? 0));
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)];
}
