/** Where a threshold is tried: the slider over the spread of the pictures, the confusion matrix, and what mistakes cost. */

import { html, useMemo, useRef, useEffect, useState, computed } from "../../vendor/preact.js";
import { count, percent } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { cheapest, costOf, countsAt, intervalsOf, moved, scoresOf, spreadOf } from "./threshold.js";
import { outcome, range, scoreName, SCORES, written } from "./words.js";

const PARTS = 50;
const QUIET_MS = 500; // after the last move, before a screen reader is told

/**
 * The slider, and the pictures by their probability above it.
 * @param {{threshold: {value: number}, pictures: object[], ranked: import("./threshold.js").Ranked, best: {value: object|null}, marks: {name: string, at: number}[],
 *   onSettled: (threshold: number) => void}} properties `threshold`: a signal; `marks`: thresholds that have a name; `onSettled` is called when a move is over.
 */
export function Slider({ threshold, pictures, ranked, best, marks, onSettled }) {
  const press = (event) => {
    const next = moved(threshold.value, event.key, event.shiftKey);
    if (next === null) return;
    event.preventDefault();
    threshold.value = next;
    onSettled(next);
  };
  const type = (event) => {
    const value = Number(event.currentTarget.value);
    if (event.currentTarget.value === "" || !(value >= 0 && value <= 1)) return;
    threshold.value = value;
    onSettled(value);
  };
  const spread = useMemo(() => html`<${Spread} pictures=${pictures} />`, [pictures]); // the same drawing is not drawn again
  return html`<div class="threshold">
    ${spread}
    <div class="scale">
      <${Needle} threshold=${threshold} best=${best} marks=${marks} />
      <input
        type="range"
        min="0"
        max="1"
        step="any"
        aria-label="Threshold: probability from which a picture is called damaged"
        aria-valuetext=${outcome(threshold.value, countsAt(ranked, threshold.value))}
        value=${threshold.value}
        onInput=${(event) => (threshold.value = Number(event.currentTarget.value))}
        onChange=${(event) => onSettled(Number(event.currentTarget.value))}
        onKeyDown=${press}
      />
      <div class="ends small muted" aria-hidden="true"><span>0: calls all damaged</span><span>1: calls all whole</span></div>
    </div>
    <div class="row">
      <label class="row">Threshold <input class="input exact" type="number" min="0" max="1" step="0.001" value=${threshold.value.toFixed(3)} onChange=${type} /></label>
      ${marks.map(
        (one) => html`<${Button} key=${one.name} onPress=${() => ((threshold.value = one.at), onSettled(one.at))}>${one.name}: ${one.at.toFixed(3)}</${Button}>`,
      )}
      ${best.value &&
      html`<${Button} onPress=${() => ((threshold.value = best.value.threshold), onSettled(best.value.threshold))}>
        <span class="flag" aria-hidden="true">▼</span> Cheapest: ${best.value.threshold.toFixed(3)}
      </${Button}>`}
    </div>
    <${Told} threshold=${threshold} ranked=${ranked} />
  </div>`;
}

function Needle({ threshold, best, marks }) {
  return html`<div class="needles" aria-hidden="true">
    ${marks.map((one) => html`<i key=${one.name} class="mark" title=${one.name} style=${{ left: `${one.at * 100}%` }}></i>`)}
    ${best.value && html`<i class="flag" title="Cheapest" style=${{ left: `${best.value.threshold * 100}%` }}>▼</i>`}
    <i class="needle" style=${{ left: `${threshold.value * 100}%` }}></i>
  </div>`;
}

/** The pictures by probability: damaged ones upwards, whole ones downwards. */
function Spread({ pictures }) {
  const spread = useMemo(() => spreadOf(pictures, PARTS), [pictures]);
  const [up, down] = [Math.max(1, ...spread.damaged), Math.max(1, ...spread.whole)];
  const unit = 98 / (up + down); // of height for each picture, the same upwards and downwards
  const middle = 1 + up * unit;
  const bar = (kind) => (value, part) =>
    value > 0 &&
    html`<rect
      key=${kind + part}
      class=${kind}
      x=${(part * 1000) / PARTS + 1.5}
      width=${1000 / PARTS - 3}
      y=${kind === "damaged" ? middle - value * unit : middle}
      height=${Math.max(0.8, value * unit)}
    />`;
  return html`<figure class="spread">
    <figcaption class="row small">
      <span><i class="swatch damaged"></i>damaged pictures (upwards)</span><span><i class="swatch whole"></i>whole pictures (downwards)</span>
    </figcaption>
    <svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="How many damaged and whole pictures have which probability of damage">
      ${spread.damaged.map(bar("damaged"))}${spread.whole.map(bar("whole"))}
      <line x1="0" x2="1000" y1=${middle} y2=${middle} />
    </svg>
  </figure>`;
}

/** The outcome for screen readers, told when the slider has come to rest. */
function Told({ threshold, ranked }) {
  const [told, setTold] = useState("");
  const first = useRef(true);
  const now = threshold.value;
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return undefined;
    }
    const timer = setTimeout(() => setTold(outcome(now, countsAt(ranked, now))), QUIET_MS);
    return () => clearTimeout(timer);
  }, [now]);
  return html`<p class="unseen" role="status" aria-live="polite">${told}</p>`;
}

/**
 * The confusion matrix of the verdicts and the scores that follow from it.
 * @param {{threshold: {value: number}, ranked: import("./threshold.js").Ranked}} properties
 */
export function Outcome({ threshold, ranked }) {
  const counts = countsAt(ranked, threshold.value);
  const scores = scoresOf(counts);
  const intervals = intervalsOf(counts);
  const cell = (value, of, text, kind) => html`<td class=${kind}>
    <strong>${count(value)}</strong>
    <span>${text} <span class="small muted">${percent(of ? value / of : null, 0)}</span></span>
  </td>`;
  return html`<table class="confusion">
      <caption class="unseen">Verdicts on the test pictures at this threshold</caption>
      <thead>
        <tr><td></td><th scope="col">called damaged</th><th scope="col">called whole</th></tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">damaged</th>
          ${cell(counts.hits, ranked.damaged, "found", "right")} ${cell(counts.misses, ranked.damaged, "missed", "wrong")}
        </tr>
        <tr>
          <th scope="row">whole</th>
          ${cell(counts.falseAlarms, ranked.whole, "false alarms", "wrong")} ${cell(counts.leftAlone, ranked.whole, "left alone", "right")}
        </tr>
      </tbody>
    </table>
    <dl class="live-scores">
      ${["recall", "precision", "specificity", "accuracy", "f1"].map((name) => {
        const known = name === "accuracy" ? "damage_accuracy" : name;
        return html`<div key=${name} title=${SCORES[known][1]}>
          <dt>${scoreName(known)}</dt>
          <dd>
            <strong>${written(name, scores[name])}</strong>
            <span class="small muted">${scores[name] !== null && intervals[name] ? range(name, intervals[name]) : ""}</span>
          </dd>
        </div>`;
      })}
    </dl>`;
}

/**
 * What mistakes cost: two prices, the share of damaged pictures, and what 1,000 pictures cost at the threshold.
 * @param {{threshold: {value: number}, ranked: object, costs: {value: object}, best: {value: object|null}, trained: number}} properties
 */
export function Costs({ threshold, ranked, costs, best, trained }) {
  const now = costOf(countsAt(ranked, threshold.value), costs.value);
  const before = costOf(countsAt(ranked, trained), costs.value);
  const set = (name, scale) => (event) => {
    const value = Number(event.currentTarget.value) / scale;
    if (event.currentTarget.value !== "" && value >= 0 && (scale === 1 || value <= 1)) costs.value = { ...costs.value, [name]: value };
  };
  const field = (label, name, scale, unit) => html`<label>
    <span>${label}</span>
    <span class="row"><input class="input" type="number" min="0" max=${scale === 1 ? undefined : scale} step="any" value=${round(costs.value[name] * scale)} onInput=${set(name, scale)} />${unit}</span>
  </label>`;
  return html`<div class="costs">
    <div class="prices">
      ${field("A missed damage costs", "miss", 1, "")} ${field("A false alarm costs", "falseAlarm", 1, "")}
      ${field("Damaged, of 1,000 pictures at work", "share", 1000, "")}
    </div>
    <p class="cost" data-cost=${now ?? ""}>
      1,000 pictures cost <strong>${money(now)}</strong>
      ${best.value && html`<span class="muted"> · ${money(best.value.cost)} at the cheapest threshold</span>`}
      <span class="muted"> · ${money(before)} at that of the training</span>
    </p>
    <p class="small muted">In any unit, such as euros or minutes of work. Test pictures show ${percent(ranked.damaged / (ranked.damaged + ranked.whole), 0)} damage.</p>
  </div>`;
}

/** The cheapest threshold, as a signal of the costs. */
export const cheapestOf = (ranked, costs) => computed(() => cheapest(ranked, costs.value));

const round = (value) => Math.round(value * 1e6) / 1e6;

function money(value) {
  if (value === null) return "–";
  return value >= 100 ? count(Math.round(value)) : value.toFixed(value >= 10 ? 1 : 2);
}
