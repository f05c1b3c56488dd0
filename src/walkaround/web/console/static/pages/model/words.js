/** What scores and outcomes are called on these pages, and how they are said. */

import { count, percent, plural, score } from "../../formats.js";

/** Scores of the verdict: name, what is told of it in one sentence, and how it is written. */
export const SCORES = {
  recall: ["Damage found", "Of the damaged pictures, the share that is called damaged (recall)."],
  precision: ["Right alarms", "Of the pictures called damaged, the share that is damaged (precision)."],
  specificity: ["Whole left alone", "Of the whole pictures, the share that raises no alarm (specificity)."],
  f1: ["F1", "Harmonic mean of damage found and right alarms."],
  damage_accuracy: ["Right verdicts", "Of all pictures, the share with the right verdict, damaged or whole (accuracy)."],
  accuracy: ["Right labels", "Of all pictures, the share with the right label (accuracy)."],
  auroc: ["Ranking", "Chance that a damaged picture gets a higher probability than a whole one (AUROC); no threshold matters."],
  average_precision: ["Average precision", "Mean of the right alarms over all thresholds."],
  macro_f1: ["Macro F1", "Mean F1 of the classes."],
  brier: ["Brier score", "Mean squared error of the probability; 0 is best."],
  calibration_error: ["Calibration error", "Mean distance between the told and the true share of damage; 0 is best."],
};

/** A score's name; that of the API where there is no better one. */
export const scoreName = (name) => SCORES[name]?.[0] ?? name.replaceAll("_", " ");

/** A score with its interval, such as "0.850 (0.640 to 0.948)". */
export function withInterval(value, interval, write = score) {
  if (value === null || value === undefined) return "–";
  return interval ? `${write(value)} (${write(interval[0])} to ${write(interval[1])})` : write(value);
}

const PLAIN = ["f1", "auroc"];

/** A score of a name as it is usually written: F1 and ranking as numbers up to 1, shares of pictures in percent. */
export const written = (name, value) => (PLAIN.includes(name) ? score(value) : percent(value));

/** Both ends of a score's interval, written like the score. */
export function range(name, interval) {
  if (!interval) return "";
  return PLAIN.includes(name) ? `${interval[0].toFixed(2)} to ${interval[1].toFixed(2)}` : `${(interval[0] * 100).toFixed(0)} to ${percent(interval[1], 0)}`;
}

/** What happens at a threshold, in one sentence for who cannot see it. */
export function outcome(threshold, { hits, misses, falseAlarms, leftAlone }) {
  return `Threshold ${threshold.toFixed(3)}: ${count(hits)} of ${plural(hits + misses, "damaged picture")} found, ${count(misses)} missed; ${plural(falseAlarms, "false alarm")} in ${plural(falseAlarms + leftAlone, "whole picture")}.`;
}

/** Who did something: a person's name, or the key of a program. */
export const whoDid = (by) => (by === "keyless" ? "somebody without sign-in" : by);

/** A difference with its sign, such as "+0.050". */
export const signed = (value) => (value === null || value === undefined ? "–" : `${value > 0 ? "+" : value < 0 ? "−" : "±"}${Math.abs(value).toFixed(3)}`);
