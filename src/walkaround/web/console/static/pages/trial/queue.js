/** Which picture of a trial comes next, and what is told of all of them. Pictures are those of the REST API, the least sure first. */

/** What is shown: a name for each filter, and which pictures it leaves. */
export const FILTERS = [
  ["all", "All pictures", () => true],
  ["open", "To verify", (one) => isOpen(one)],
  ["verified", "Verified", (one) => one.verified !== null],
  ["wrong", "The model was wrong", (one) => one.correct === false],
  ["damaged", "The model says damaged", (one) => one.findings?.anomalous === true],
  ["whole", "The model says whole", (one) => one.findings?.anomalous === false],
  ["hints", "Hard to judge", (one) => (one.quality?.hints.length ?? 0) > 0],
  ["failed", "Could not be read", (one) => one.error !== null],
];

/** Whether nobody has said yet what a picture shows. */
export const isOpen = (one) => one.verified === null && one.error === null;

/**
 * The pictures that a filter leaves, in their order.
 * @param {any[]} pictures
 * @param {string} filter a name of FILTERS; all of them for one that is not known.
 */
export function filtered(pictures, filter) {
  const [, , fits] = FILTERS.find(([name]) => name === filter) ?? FILTERS[0];
  return pictures.filter(fits);
}

/**
 * The picture to verify after one: the next open one behind it, else the first open one.
 * @param {any[]} pictures
 * @param {string|null} after address of a picture; null: begin at the beginning.
 * @returns {string|null} its address; null where all are verified.
 */
export function nextOpen(pictures, after) {
  const start = pictures.findIndex((one) => one.picture === after) + 1;
  const rest = [...pictures.slice(start), ...pictures.slice(0, start)];
  return rest.find((one) => isOpen(one) && one.picture !== after)?.picture ?? null;
}

/**
 * The picture so many steps away; the first or last one at the ends.
 * @param {any[]} pictures
 * @param {string|null} from
 * @param {number} step
 */
export function neighbour(pictures, from, step) {
  const index = pictures.findIndex((one) => one.picture === from);
  const wanted = Math.max(0, Math.min(pictures.length - 1, index + step));
  return pictures[wanted]?.picture ?? null;
}

/**
 * A picture after a person said what it shows.
 * @param {any} one
 * @param {{label: "normal"|"anomaly"|null, kinds?: string[], places?: any[]|null}} said
 * @param {string|null} by
 */
export function withVerdict(one, { label, kinds = [], places = null }, by) {
  const judged = label !== null && one.findings !== null;
  return {
    ...one,
    verified: label,
    verified_by: label === null ? null : by,
    verified_at: label === null ? null : new Date().toISOString(),
    kinds: label === null || !kinds.length ? null : kinds,
    places: label === null ? null : places,
    correct: judged ? (label === "anomaly") === one.findings.anomalous : null,
  };
}

/** What a person said of a picture, to be said again by an undo. */
export const saidOf = (one) => ({ label: one.verified, kinds: one.kinds ?? [], places: one.places });

/**
 * Numbers of pictures.
 * @param {any[]} pictures
 * @returns {{total: number, verified: number, right: number, wrong: number, waiting: number, failed: number}} `waiting`: verified and not added;
 *   `total` leaves out what could not be read.
 */
export function counts(pictures) {
  const number = (fits) => pictures.filter(fits).length;
  return {
    total: number((one) => one.error === null),
    verified: number((one) => one.verified !== null),
    right: number((one) => one.correct === true),
    wrong: number((one) => one.correct === false),
    waiting: number((one) => one.verified !== null && !one.added),
    failed: number((one) => one.error !== null),
  };
}
