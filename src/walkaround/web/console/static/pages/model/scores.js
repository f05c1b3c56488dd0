/** The scorecard of a version: its scores with their intervals, class by class, and those of boxes and masks. */

import { html } from "../../vendor/preact.js";
import { count, kindName, percent, score } from "../../formats.js";
import { Note } from "../../ui/state.js";
import { range, scoreName, SCORES, withInterval, written } from "./words.js";

const SHOWN = ["recall", "precision", "specificity", "f1", "auroc", "damage_accuracy"];
const MORE = ["accuracy", "average_precision", "macro_f1", "brier", "calibration_error"];

/**
 * The scores at the threshold that counts, in figures with a line for the interval.
 * @param {{card: object}} properties `card`: the scorecard.
 */
export function Scores({ card }) {
  const more = MORE.filter((name) => typeof card[name] === "number" && !(name === "accuracy" && !card.of_labels));
  return html`<div class="figures">${SHOWN.map((name) => html`<${Score} key=${name} name=${name} value=${card[name]} interval=${card.intervals?.[name]} />`)}</div>
    <details class="more">
      <summary>More scores and remarks</summary>
      <dl class="pairs">${more.map((name) => html`<dt key=${name} title=${SCORES[name]?.[1]}>${scoreName(name)}</dt><dd>${withInterval(card[name], card.intervals?.[name])}</dd>`)}</dl>
      ${(card.notes ?? []).map((note) => html`<${Note} key=${note}>${note}</${Note}>`)}
    </details>`;
}

function Score({ name, value, interval }) {
  const known = typeof value === "number";
  return html`<div class="figure" title=${SCORES[name][1]}>
    <span class="name">${scoreName(name)}</span>
    <strong>${written(name, value)}</strong>
    ${known && interval && html`<${Interval} value=${value} low=${interval[0]} high=${interval[1]} />`}
    <span class="small muted">${interval ? range(name, interval) : known ? "" : "cannot be told"}</span>
  </div>`;
}

/** Where a score lies between 0 and 1, and how sure that is. */
export function Interval({ value, low, high }) {
  return html`<span class="interval" aria-hidden="true">
    <i class="reach" style=${{ left: `${low * 100}%`, width: `${Math.max(0.5, (high - low) * 100)}%` }}></i><i class="value" style=${{ left: `${value * 100}%` }}></i>
  </span>`;
}

/**
 * Scores of each class against all others, and how often each class was given which name.
 * @param {{card: object}} properties
 */
export function Classes({ card }) {
  const rows = Object.entries(card.per_class ?? {});
  return html`<${ClassTable}
      label="Scores by class"
      heads=${["Class", "Pictures", "Found", "Rightly named", "F1", "Ranking"]}
      rows=${rows.map(([name, one]) => [name, count(one.support), percent(one.recall), percent(one.precision), score(one.f1), score(one.auroc)])}
    />
    ${card.of_labels && html`<${Confusion} classes=${card.confusion.classes} matrix=${card.confusion.matrix} />`}`;
}

function Confusion({ classes, matrix }) {
  const most = Math.max(1, ...matrix.flat());
  return html`<h3>Which class was called what</h3>
    <div class="scroll-x" tabindex="0" role="region" aria-label="Confusion of classes">
      <table class="matrix">
        <thead>
          <tr><th scope="col">in truth ↓ · called →</th>${classes.map((name) => html`<th key=${name} scope="col" class="number">${kindName(name)}</th>`)}</tr>
        </thead>
        <tbody>
          ${matrix.map(
            (row, at) => html`<tr key=${classes[at]}>
              <th scope="row">${kindName(classes[at])}</th>
              ${row.map((value, column) => html`<td key=${column} class="number ${at === column ? "right" : value ? "wrong" : ""}" style=${{ "--share": value / most }}>${count(value)}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}

/**
 * Scores of kinds of damage of which a picture may show several.
 * @param {{of: object}} properties `of`: the scorecard's `kinds`.
 */
export function Kinds({ of }) {
  const rows = Object.entries(of.classes ?? {}).sort((one, other) => other[1].support - one[1].support);
  return html`<p>Just the right kinds on ${percent(of.subset_accuracy)} of ${count(of.n)} pictures; F1 ${withInterval(of.micro_f1, of.intervals?.micro_f1)} over all kinds together.</p>
    <${ClassTable}
      label="Scores of kinds of damage"
      heads=${["Kind", "Pictures", "Found", "Rightly told", "F1", "Told from"]}
      rows=${rows.map(([name, one]) => [name, count(one.support), percent(one.recall), percent(one.precision), withInterval(one.f1, one.intervals?.f1), one.threshold.toFixed(3)])}
    />`;
}

/**
 * Scores of boxes and of masks, where the model has such parts.
 * @param {{card: object}} properties
 */
export function Places({ card }) {
  return html`${card.boxes && html`<${Boxes} of=${card.boxes} />`}${card.masks && html`<${Masks} of=${card.masks} />`}`;
}

function Boxes({ of }) {
  const rows = Object.entries(of.classes ?? {});
  return html`<h3>Boxes <span class="muted small">${count(of.n)} pictures</span></h3>
    <p>Average precision ${withInterval(of.ap50, of.intervals?.ap50)} at half overlap, ${score(of.ap)} over all overlaps.</p>
    <${ClassTable}
      label="Scores of boxes"
      heads=${["Kind", "Drawn", "Found", "Right", "AP50"]}
      rows=${rows.map(([name, one]) => [name, count(one.there), percent(one.recall), percent(one.precision), withInterval(one.ap50, one.intervals?.ap50)])}
    />`;
}

function Masks({ of }) {
  const rows = Object.entries(of.classes ?? {});
  return html`<h3>Areas <span class="muted small">${count(of.n)} pictures</span></h3>
    <p>Mean overlap with what people drew: ${withInterval(of.mean_iou, of.intervals?.mean_iou)}.</p>
    <${ClassTable}
      label="Scores of areas"
      heads=${["Kind", "Overlap", "Pixels found", "Pixels right"]}
      rows=${rows.map(([name, one]) => [name, withInterval(one.iou, one.intervals?.iou), percent(one.pixels?.recall), percent(one.pixels?.precision)])}
    />`;
}

function ClassTable({ label, heads, rows }) {
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${label}>
    <table class="stacks">
      <thead><tr>${heads.map((head, at) => html`<th key=${head} scope="col" class=${at ? "number" : ""}>${head}</th>`)}</tr></thead>
      <tbody>
        ${rows.map(([name, ...values]) => html`<tr key=${name}><th scope="row">${kindName(name)}</th>${values.map((value, at) => html`<td key=${at} class="number" data-name=${heads[at + 1]}>${value}</td>`)}</tr>`)}
      </tbody>
    </table>
  </div>`;
}
