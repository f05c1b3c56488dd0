/** Which results are wanted: from the address of the view to the query of the API. No page needed. */

/** Parts of the address, each with the API's own name where it is one. */
export const FILTERS = ["time", "from", "to", "verdict", "reviewed", "begins", "project", "model", "label", "sure", "watch"];

/** Stretches of time that are counted back from now, in hours. */
export const TIMES = [
  ["", "Any time"],
  ["24", "Last 24 hours"],
  ["72", "Last 3 days"],
  ["168", "Last 7 days"],
  ["720", "Last 30 days"],
  ["own", "From … to …"],
];

/** What the model said. */
export const VERDICTS = [
  ["", "All"],
  ["damaged", "Damaged"],
  ["whole", "Whole"],
];

/** What a person said. */
export const REVIEWED = [
  ["", "Reviewed or not"],
  ["open", "Not reviewed"],
  ["confirmed", "Confirmed"],
  ["corrected", "Corrected"],
];

/** How sure the model was: least and most confidence in per cent. */
export const SURENESS = [
  ["", "However sure"],
  ["0-70", "Unsure: below 70 %"],
  ["70-90", "70 to 90 %"],
  ["90-100", "Sure: above 90 %"],
];

/**
 * The filters of an address.
 * @param {URLSearchParams} query
 * @param {string} [project] of the view, which then cannot be chosen.
 * @returns {Record<string, string>} those that are set.
 */
export function filtersOf(query, project) {
  const found = {};
  for (const name of FILTERS) if (query.get(name)) found[name] = query.get(name);
  if (project) found.project = project;
  return found;
}

/**
 * The query of the API for filters.
 * @param {Record<string, string>} filters from `filtersOf`.
 * @param {number} [now] milliseconds since 1970.
 * @returns {Record<string, string|number|boolean>}
 */
export function wantedOf(filters, now = Date.now()) {
  const [least, most] = (filters.sure ?? "").split("-").map((part) => Number(part) / 100);
  return tidy({
    ...timesOf(filters, now),
    anomalous: filters.verdict ? filters.verdict === "damaged" : undefined,
    reviewed: filters.reviewed,
    prefix: filters.begins,
    project: filters.project,
    model: /^[1-9]\d{0,8}$/.test(filters.model ?? "") ? Number(filters.model) : undefined,
    label: filters.label,
    confidence_from: filters.sure && least > 0 ? least : undefined,
    confidence_to: filters.sure && most < 1 ? most : undefined,
    watch: filters.watch,
  });
}

/**
 * The first moment of a day that a person chose, and of the day after it, in the person's zone.
 * @param {string} text such as "2026-05-04".
 * @param {number} [days] later.
 * @returns {string|undefined} ISO 8601; undefined where it is no day.
 */
export function midnight(text, days = 0) {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text ?? "") ?? [];
  return year ? new Date(Number(year), Number(month) - 1, Number(day) + days).toISOString() : undefined;
}

function timesOf(filters, now) {
  if (filters.time === "own") return { after: midnight(filters.from), before: midnight(filters.to, 1) };
  const hours = Number(filters.time);
  return hours > 0 ? { after: new Date(now - hours * 3600000).toISOString() } : {};
}

function tidy(query) {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined && value !== ""));
}
