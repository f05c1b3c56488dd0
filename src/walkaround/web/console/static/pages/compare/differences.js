/** The scores of two versions beside each other: how much they differ, and whether that can be more than chance. */

import { html } from "../../vendor/preact.js";
import { kindName, percent, score } from "../../formats.js";
import { Badge } from "../../ui/state.js";
import { SCORES, scoreName, signed } from "../model/words.js";

const ORDER = ["damage_accuracy", "recall", "specificity", "precision", "f1", "auroc", "average_precision"];
const PLACES = { overlap: "Overlap of areas", missed: "Boxes missed, a picture", false_alarms: "False boxes, a picture" };
const LESS_IS_BETTER = ["missed", "false_alarms"];
const WORDS = { better: "better", worse: "worse", same: "no difference to be seen", open: "cannot be told" };

/**
 * Whether the second version is better: only where the whole interval of the difference lies on one side.
 * @param {{difference: number|null, interval: [number, number]|null}} one
 * @param {boolean} [less] whether less is better.
 * @returns {"better"|"worse"|"same"|"open"}
 */
export function verdictOf({ difference, interval }, less = false) {
  if (difference === null || difference === undefined) return "open";
  if (!interval) return difference === 0 ? "same" : "open";
  if (interval[0] > 0) return less ? "worse" : "better";
  if (interval[1] < 0) return less ? "better" : "worse";
  return "same";
}

/**
 * The table.
 * @param {{found: object}} properties `found`: the comparison as the API tells it.
 */
export function Differences({ found }) {
  const rows = [
    ...ORDER.filter((name) => found.scores[name]).map((name) => [scoreName(name), SCORES[name]?.[1], found.scores[name], name]),
    ...Object.entries(found.per_class).map(([name, one]) => [`${kindName(name)} found and named`, undefined, one, name]),
    ...Object.entries(found.places).map(([name, one]) => [PLACES[name] ?? name, undefined, one, name]),
  ];
  const most = Math.max(0.02, ...rows.flatMap(([, , one]) => [Math.abs(one.difference ?? 0), ...(one.interval ?? []).map(Math.abs)]));
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label="Scores of both versions">
    <table class="differences stacks">
      <thead>
        <tr>
          <th scope="col">Score</th><th scope="col" class="number">Version ${found.first}</th><th scope="col" class="number">Version ${found.second}</th>
          <th scope="col" class="number">Difference</th><th scope="col">95 % interval of the difference</th><th scope="col">Version ${found.second} is</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(([name, title, one, key]) => html`<${Row} found=${found} key=${key} name=${name} title=${title} one=${one} most=${most} less=${LESS_IS_BETTER.includes(key)} />`)}
      </tbody>
    </table>
  </div>`;
}

function Row({ found, name, title, one, most, less }) {
  const verdict = verdictOf(one, less);
  const place = (value) => `${50 + (49 * value) / most}%`;
  return html`<tr>
    <th scope="row" title=${title}>${name}</th>
    <td class="number" data-name=${`Version ${found.first}`}>${score(one.first)}</td>
    <td class="number" data-name=${`Version ${found.second}`}>${score(one.second)}</td>
    <td class="number" data-name="Difference"><strong>${signed(one.difference)}</strong></td>
    <td data-name="95 % interval">
      ${one.interval &&
      html`<span class="gap ${verdict}" aria-hidden="true">
          <i class="reach" style=${{ left: place(one.interval[0]), width: `${(49 * (one.interval[1] - one.interval[0])) / most}%` }}></i>
          <i class="value" style=${{ left: place(one.difference) }}></i>
        </span>
        <span class="small muted">${signed(one.interval[0])} to ${signed(one.interval[1])}</span>`}
    </td>
    <td class="said" data-name=${`Version ${found.second} is`}>
      ${verdict === "better" || verdict === "worse" ? html`<${Badge} kind=${verdict === "better" ? "good" : "failed"}>${WORDS[verdict]}</${Badge}>` : WORDS[verdict]}${typeof one.p_value === "number" ? html` <span class="small muted" title="McNemar's exact test">p ${one.p_value < 0.001 ? "< 0.001" : one.p_value.toFixed(3)}</span>` : ""}
    </td>
  </tr>`;
}

/** What of the pictures both have right, one has, or none. */
export function Agreement({ found }) {
  const all = found.n;
  const cell = (name, value) => html`<div class="figure"><span class="name">${name}</span><strong>${value}</strong><span class="small muted">${percent(value / all)} of ${all}</span></div>`;
  return html`<div class="agreement">
    ${cell("Both right", found.both_right)} ${cell(`Only version ${found.first} right`, found.only_first)} ${cell(`Only version ${found.second} right`, found.only_second)}
    ${cell("Both wrong", found.both_wrong)}
  </div>`;
}
