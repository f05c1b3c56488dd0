/** Numbers, times and sizes as people read them; times in the reader's own zone. */

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const COUNT = new Intl.NumberFormat("en");
const STEPS = [
  [60, "second", 1],
  [3600, "minute", 60],
  [86400, "hour", 3600],
  [2592000, "day", 86400],
  [31536000, "month", 2592000],
  [Infinity, "year", 31536000],
];

/** A moment (ISO 8601, UTC) with date and time. */
export const when = (iso) => (iso ? WHEN.format(new Date(iso)) : "–");

/** A moment's date. */
export const day = (iso) => (iso ? DAY.format(new Date(iso)) : "–");

/** How long ago a moment was, such as "3 minutes ago". */
export function ago(iso, now = Date.now()) {
  if (!iso) return "–";
  const seconds = (new Date(iso).getTime() - now) / 1000;
  const [, unit, size] = STEPS.find(([limit]) => Math.abs(seconds) < limit);
  return AGO.format(Math.round(seconds / size), unit);
}

/** A length of time in seconds, such as "2 min 5 s". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

/** A number of things, such as "16,000". */
export const count = (number) => (number === null || number === undefined ? "–" : COUNT.format(number));

/** A number of things with their name: plural(1, "picture") is "1 picture". */
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** A share from 0 to 1, such as "94.1 %". */
export function percent(share, digits = 1) {
  return share === null || share === undefined ? "–" : `${(share * 100).toFixed(digits)} %`;
}

/** A score from 0 to 1 with three digits, such as "0.941". */
export const score = (number) => (number === null || number === undefined ? "–" : number.toFixed(3));

/** A number of bytes, such as "3.2 MB". */
export function bytes(number) {
  if (number < 1000) return `${number} bytes`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = number / 1000;
  while (value >= 999.5 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[0]}`;
}

/** A label of the API in the reader's words: anomaly is "damaged", normal is "whole". */
export const labelName = (label) => ({ anomaly: "damaged", normal: "whole" })[label] ?? label ?? "not labelled";

/** A name of damage or class in the reader's words: "glass_shatter" is "glass shatter". */
export const kindName = (name) => labelName(name).replaceAll("_", " ");
