/** The curves of a part of a training: how far it is off, and how well it does on pictures that are kept back. */

import { html, useMemo } from "../../vendor/preact.js";
import { count, percent } from "../../formats.js";
import { Chart } from "../../ui/chart.js";
import { losses, scores, tableOf } from "./fold.js";
import { partName } from "./words.js";

/**
 * @param {{part: import("./fold.js").Part}} properties
 */
export function Curves({ part }) {
  const [error, score] = useMemo(() => [losses(part), scores(part)], [part]);
  const name = partName(part.name);
  return html`<section class="part" aria-label=${name}>
    <h3>${name}</h3>
    <p class="small muted">${about(part)}</p>
    <div class="grid">
      ${error.x.length > 0 &&
      html`<div>
        <h4>Error, which should fall</h4>
        <${Chart} title=${`${name}: error by step`} x=${error.x} series=${error.series} xName="step" min=${0} format=${short} formatX=${whole} />
      </div>`}
      ${score.x.length > 1 &&
      html`<div>
        <h4>Scores on pictures kept back, which should rise</h4>
        <${Chart} title=${`${name}: scores by epoch`} x=${score.x} series=${score.series} xName="epoch" min=${0} max=${1} format=${short} formatX=${whole} />
      </div>`}
      ${score.x.length === 1 &&
      html`<dl class="single">
        ${score.series.map((one) => html`<div key=${one.name}><dt>${one.name}, ${part.name === "verdict" ? "cross-validated" : "on pictures kept back"}</dt><dd>${percent(one.values[0])}</dd></div>`)}
      </dl>`}
    </div>
    ${part.notes.map((note) => html`<${Table} key=${note.number} note=${note} />`)}
  </section>`;
}

function about(part) {
  const { started } = part;
  const last = Math.max(0, ...part.points.map((line) => line.step));
  const told = [];
  if (started?.total_steps) told.push(`step ${count(last)} of ${count(started.total_steps)}`);
  const pictures = started?.settings?.pictures;
  if (pictures) told.push(`${count(pictures)} pictures`);
  if (started?.first_step) told.push(`went on from step ${count(started.first_step)}`);
  const best = part.epochs.findLast?.((line) => line.told.best);
  if (best && part.epochs.length > 1) told.push(`best in epoch ${best.told.epoch}`);
  return told.join(" · ");
}

const whole = (value) => (Number.isInteger(value) ? count(value) : "");
const short = (value) => (Math.abs(value) >= 100 ? String(Math.round(value)) : value.toPrecision(3));

function Table({ note }) {
  const [head, ...rows] = tableOf(note.told.text);
  if (!head) return html`<p class="small">${note.told.text}</p>`;
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${note.told.name}>
    <table class="small">
      <caption class="unseen">${note.told.name}</caption>
      <thead><tr>${head.map((cell) => html`<th scope="col" key=${cell}>${cell}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${row[0]}>${row.map((cell, index) => html`<td key=${index}>${cell}</td>`)}</tr>`)}</tbody>
    </table>
  </div>`;
}
