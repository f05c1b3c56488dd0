/** Lines over time or over steps, by uPlot, in the colours of the theme; the numbers are in a table for screen readers. */

import uPlot from "../vendor/uplot.js";
import { effect, html, useEffect, useRef } from "../vendor/preact.js";
import { theme } from "../theme.js";

const MOST_ROWS = 60;
const LABEL_PIXELS = 90;

/**
 * A chart that fills the width it is given.
 * @param {{title: string, x: number[], series: {name: string, values: (number|null)[], colour?: number, dashed?: boolean, bars?: boolean}[],
 *   time?: boolean, height?: number, min?: number, max?: number, xName?: string, format?: (y: number) => string, formatX?: (x: number) => string,
 *   mark?: {value: {x: number, y: number}|null}}} properties
 *   `x`: seconds since 1970 where `time`, else any numbers that rise; `colour`: 1 to 6, in the order of the series unless given; `mark`: a signal, a point that moves without the lines being drawn anew.
 */
export function Chart({ title, x, series, time = false, height = 220, min, max, xName = "x", format = String, formatX, mark }) {
  const place = useRef(null);
  const shown = theme.value;
  useEffect(() => {
    const element = place.current;
    const colours = getComputedStyle(document.documentElement);
    const colour = (name) => colours.getPropertyValue(name).trim();
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    const chart = new uPlot(
      {
        width: element.clientWidth || 300,
        height,
        cursor: { drag: { x: false, y: false } },
        legend: { live: true },
        hooks: {
          setCursor: [({ cursor }) => element.classList.toggle("read", cursor.idx !== null && cursor.idx !== undefined)],
          ...(mark ? { draw: [(drawing) => drawMark(drawing, mark.peek(), colour("--text"), colour("--surface"))] } : {}),
        },
        scales: { x: { time }, y: { range: (_, low, high) => spread(min ?? low, max ?? high) } },
        axes: [
          { ...axis, ...(formatX ? { values: (_, ticks) => ticks.map(formatX) } : {}), ...(time ? { splits: (self) => thinned(x, self.width) } : {}) },
          { ...axis, size: 60, values: (_, ticks) => ticks.map(format) },
        ],
        series: [
          { label: xName, ...(formatX ? { value: (_, value) => (value === null ? "–" : formatX(value)) } : {}) },
          ...series.map((one, index) => drawn(one, index, colour, format)),
        ],
      },
      [x, ...series.map((one) => one.values)],
      element,
    );
    const watching = new ResizeObserver(() => chart.setSize({ width: element.clientWidth || 300, height }));
    watching.observe(element);
    const following = mark && effect(() => mark.value !== undefined && chart.redraw(false));
    return () => {
      following?.();
      watching.disconnect();
      chart.destroy();
    };
  }, [shown, x, series, height]);
  return html`<figure class="chart">
    <figcaption class="unseen">${title}</figcaption>
    <div ref=${place} aria-hidden="true"></div>
    <${Rows} title=${title} x=${x} series=${series} time=${time} xName=${xName} format=${format} formatX=${formatX} />
  </figure>`;
}

function drawn(one, index, colour, format) {
  const stroke = colour(`--series-${one.colour ?? (index % 6) + 1}`);
  return {
    label: one.name,
    stroke,
    width: 2,
    dash: one.dashed ? [6, 4] : undefined,
    points: { show: one.values.length < 40, size: 5 },
    spanGaps: true,
    value: (_, value) => (value === null ? "–" : format(value)),
    ...(one.bars ? { paths: uPlot.paths.bars({ size: [0.7, 40] }), fill: `${stroke}55`, points: { show: false } } : {}),
  };
}

/** So many of the moments that their names have room, the last one among them. */
function thinned(moments, width) {
  const every = Math.max(1, Math.ceil(moments.length / Math.max(2, width / LABEL_PIXELS)));
  return moments.filter((_, index) => (moments.length - 1 - index) % every === 0);
}

function drawMark(chart, point, colour, ground) {
  if (!point || point.y === null) return;
  const context = chart.ctx;
  context.save();
  context.beginPath();
  context.arc(chart.valToPos(point.x, "x", true), chart.valToPos(point.y, "y", true), 6 * devicePixelRatio, 0, 2 * Math.PI);
  Object.assign(context, { fillStyle: colour, strokeStyle: ground, lineWidth: 2 * devicePixelRatio });
  context.fill();
  context.stroke();
  context.restore();
}

function spread(low, high) {
  if (low === null || high === null || low === undefined || high === undefined) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function Rows({ title, x, series, time, xName, format, formatX }) {
  const every = Math.max(1, Math.ceil(x.length / MOST_ROWS));
  const name = formatX ?? ((value) => (time ? new Date(value * 1000).toLocaleString() : String(value)));
  return html`<div class="unseen"><table>
    <caption>${title}</caption>
    <thead>
      <tr><th scope="col">${xName}</th>${series.map((one) => html`<th scope="col" key=${one.name}>${one.name}</th>`)}</tr>
    </thead>
    <tbody>
      ${x.map((value, row) =>
        row % every ? null : html`<tr key=${row}><th scope="row">${name(value)}</th>${series.map((one) => html`<td key=${one.name}>${one.values[row] === null ? "" : format(one.values[row])}</td>`)}</tr>`,
      )}
    </tbody>
  </table></div>`;
}
