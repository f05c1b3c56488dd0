/** What the dashboard's chart shows, from what the API tells: lines of projects, the small ones together. No page needed. */

const MOST_LINES = 5;

/** Time frames of the API, as people say them. */
export const FRAMES = [
  ["1d", "24 hours"],
  ["3d", "3 days"],
  ["1w", "Week"],
  ["1m", "Month"],
  ["3m", "3 months"],
  ["6m", "6 months"],
];

/** What a line can be of. */
export const MEASURES = [
  ["pictures", "Pictures"],
  ["anomalies", "Damaged"],
  ["ratio", "Share damaged"],
];

/**
 * The value of a point; a share of nothing is none.
 * @param {{pictures: number, anomalies: number}} point
 * @param {"pictures"|"anomalies"|"ratio"} measure
 * @returns {number|null}
 */
export function valueOf(point, measure) {
  if (measure !== "ratio") return point[measure];
  return point.pictures ? point.anomalies / point.pictures : null;
}

/**
 * Lines to draw: of each project, those with the most pictures first; from the sixth on, all others in one.
 * @param {{projects: {project: string, pictures: number, points: {pictures: number, anomalies: number}[]}[]}} shown the dashboard of the API.
 * @param {"pictures"|"anomalies"|"ratio"} measure
 * @returns {{name: string, values: (number|null)[], dashed?: boolean}[]}
 */
export function linesOf(shown, measure) {
  const seen = shown.projects.filter((line) => line.pictures > 0).sort((a, b) => b.pictures - a.pictures);
  const large = seen.length > MOST_LINES + 1 ? seen.slice(0, MOST_LINES) : seen;
  const rest = seen.slice(large.length);
  const lines = large.map((line) => ({ name: line.project, values: line.points.map((point) => valueOf(point, measure)) }));
  if (rest.length) lines.push({ name: `${rest.length} others`, dashed: true, values: together(rest).map((point) => valueOf(point, measure)) });
  return lines;
}

/**
 * Seconds since 1970 of each point's beginning.
 * @param {string[]} starts ISO 8601.
 */
export const secondsOf = (starts) => starts.map((one) => Date.parse(one) / 1000);

/** The offset of this browser from UTC, as the API takes it, such as "+02:00". */
export function offsetNow(minutes = -new Date().getTimezoneOffset()) {
  const size = Math.abs(minutes);
  const two = (number) => String(number).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** The name of this browser's zone, where it is one that has a place. */
export function zoneName() {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name && name.includes("/") && !name.startsWith("Etc/") ? name : null;
}

function together(lines) {
  return lines[0].points.map((_, index) => ({
    pictures: lines.reduce((sum, line) => sum + line.points[index].pictures, 0),
    anomalies: lines.reduce((sum, line) => sum + line.points[index].anomalies, 0),
  }));
}
