/** Precision against recall, and ROC, with the point of the threshold that is tried. */

import { computed, html, useMemo } from "../../vendor/preact.js";
import { percent } from "../../formats.js";
import { Chart } from "../../ui/chart.js";
import { countsAt, curvesOf, scoresOf } from "./threshold.js";

const MOST_POINTS = 400;
const share = (value) => percent(value, 0);

/**
 * Both charts.
 * @param {{ranked: import("./threshold.js").Ranked, threshold: {value: number}}} properties
 */
export function Curves({ ranked, threshold }) {
  const [precision, roc] = useMemo(() => chartsOf(ranked), [ranked]);
  const scores = useMemo(() => computed(() => scoresOf(countsAt(ranked, threshold.value))), [ranked]);
  const onPrecision = useMemo(() => computed(() => ({ x: scores.value.recall ?? 0, y: scores.value.precision })), [scores]);
  const onRoc = useMemo(() => computed(() => ({ x: 1 - (scores.value.specificity ?? 1), y: scores.value.recall })), [scores]);
  if (!ranked.damaged || !ranked.whole) return html`<p class="muted">Curves need damaged and whole test pictures.</p>`;
  return html`<div class="grid">
    <div>
      <h3>Damage found against right alarms</h3>
      <${Chart} title="Precision against recall" ...${precision} min=${0} max=${1} xName="Damage found" format=${share} formatX=${share} mark=${onPrecision} />
    </div>
    <div>
      <h3>Damage found against false alarms (ROC)</h3>
      <${Chart} title="ROC" ...${roc} min=${0} max=${1} xName="Whole pictures with alarm" format=${share} formatX=${share} mark=${onRoc} />
    </div>
  </div>
  <p class="small muted">The point is the threshold above; the dashed lines are guessing.</p>`;
}

function chartsOf(ranked) {
  const { recall, precision, falseAlarmRate } = curvesOf(ranked);
  const kept = thinned(recall.length);
  const pick = (values) => kept.map((at) => values[at]);
  const base = ranked.damaged / Math.max(1, ranked.damaged + ranked.whole);
  const across = [0, ...pick(falseAlarmRate)];
  return [
    {
      x: [0, ...pick(recall)],
      series: [
        { name: "Right alarms", values: [precision[0], ...pick(precision)] },
        { name: "Guessing", values: [base, ...kept.map(() => base)], colour: 2, dashed: true },
      ],
    },
    {
      x: across,
      series: [
        { name: "Damage found", values: [0, ...pick(recall)] },
        { name: "Guessing", values: across, colour: 2, dashed: true },
      ],
    },
  ];
}

function thinned(length) {
  const points = Math.min(length, MOST_POINTS);
  return [...new Set(Array.from({ length: points }, (_, at) => Math.round((at * (length - 1)) / Math.max(1, points - 1))))];
}
