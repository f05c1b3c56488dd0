/** What a model found, in the words of a claims desk. */

import { kindName, percent } from "../../formats.js";

const SURE = 0.95;
const FAIRLY_SURE = 0.8;

const HINTS = {
  blurred: "This picture looks blurred. Hold the phone still, and take it again from closer.",
  dark: "This picture is very dark. Take it again in daylight, or with the lamp on.",
  bright: "This picture is very bright. Take it again with the light behind you.",
  flat: "This picture has hardly any contrast. Wipe the lens, and mind reflections.",
  small: "This picture is very small. Send the original instead of a preview.",
};
const SHORT_HINTS = { blurred: "blurred", dark: "dark", bright: "too bright", flat: "no contrast", small: "small" };

/**
 * How sure a model is, in a word.
 * @param {number} confidence 0 to 1.
 * @returns {"sure"|"fairly sure"|"not sure"}
 */
export function sureness(confidence) {
  if (confidence >= SURE) return "sure";
  return confidence >= FAIRLY_SURE ? "fairly sure" : "not sure";
}

/**
 * How sure the model is of its verdict, to be read behind it: "damaged – says the model, and is fairly sure: 83 %".
 * @param {{confidence: number}} findings
 */
export function verdictSentence(findings) {
  return `says the model, and is ${sureness(findings.confidence)}: ${percent(findings.confidence, 0)}`;
}

/**
 * The kinds of damage that were found, each once, the surest or largest first.
 * @param {{kinds?: Record<string, number>, boxes?: {label: string}[], areas?: Record<string, number>, label?: string, anomalous?: boolean}} findings
 * @returns {string[]} names of classes.
 */
export function foundKinds(findings) {
  const placed = [...Object.keys(findings.kinds ?? {}), ...(findings.boxes ?? []).map((one) => one.label), ...Object.keys(findings.areas ?? {})];
  const named = findings.anomalous && findings.label && findings.label !== "anomaly" ? [findings.label] : [];
  return [...new Set([...placed, ...named])];
}

/** What to do about a picture that is hard to judge; a sentence, or "" for a hint that is not known. */
export const hintSentence = (hint) => HINTS[hint] ?? "";

/** A hint in a word or two. */
export const hintWord = (hint) => SHORT_HINTS[hint] ?? hint;

/**
 * A moment of a video.
 * @param {number} seconds
 * @returns {string} such as "1:05.4".
 */
export function moment(seconds) {
  const tenths = Math.round(seconds * 10);
  return `${Math.floor(tenths / 600)}:${String(Math.floor((tenths % 600) / 10)).padStart(2, "0")}.${tenths % 10}`;
}

/** Who gave a verdict: "user:ann" is ann, a key is told by its id. */
export function personName(by) {
  if (!by || by === "keyless") return "someone";
  return by.startsWith("user:") ? by.slice(5) : `key ${by}`;
}

/**
 * A name for a new trial that none has.
 * @param {string[]} taken
 * @param {string} stem such as "try" or "version-3".
 */
export function freeName(taken, stem) {
  for (let number = 1; ; number++) {
    const name = number === 1 && stem !== "try" ? stem : `${stem}-${number}`;
    if (!taken.includes(name)) return name;
  }
}

/** The kinds of damage in a sentence: "scratch and glass shatter". */
export const listed = (names) => joined(names.map(kindName));

/** What was found, each kind that stands for itself with how probable it is: "smash (99 %) and glass shatter (82 %)". */
export function foundSentence(findings) {
  const share = (name) => findings.kinds?.[name];
  return joined(foundKinds(findings).map((name) => (share(name) === undefined ? kindName(name) : `${kindName(name)} (${percent(share(name), 0)})`)));
}

function joined(told) {
  return told.length < 2 ? told.join("") : `${told.slice(0, -1).join(", ")} and ${told.at(-1)}`;
}
