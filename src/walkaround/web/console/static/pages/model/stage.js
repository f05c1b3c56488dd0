/** A picture with what a model sees in it over what people drew on it: heat map, areas and boxes, each to be shown or not. */

import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { kindName, percent } from "../../formats.js";
import { coloursOf, isLight } from "../../ui/colours.js";
import { paintMasks, shownScale } from "../label/mask_pixels.js";

/**
 * The picture.
 * @param {{source: string, name: string, view: object|null, drawn: object[], shown: {heat: boolean, areas: boolean, boxes: boolean, truth: boolean}, opacity: number}} properties
 *   `view`: what the model sees, as the API tells it; null while it is not known. `drawn`: places as people drew them. `opacity`: of heat and areas, 0 to 1.
 */
export function Stage({ source, name, view, drawn, shown, opacity }) {
  const [size, setSize] = useState(null);
  const [broken, setBroken] = useState(false);
  useEffect(() => setBroken(false), [source]);
  if (broken) return html`<div class="picture broken">The picture ${name} cannot be shown any more.</div>`;
  const [width, height] = view ? [view.width, view.height] : (size ?? [4, 3]);
  const boxes = shown.boxes ? (view?.boxes ?? []) : [];
  const truth = shown.truth ? drawn : [];
  const colours = { ...coloursOf([...boxes, ...truth].map((one) => one.label)), ...(view?.colours ?? {}) };
  return html`<div class="stage" style=${{ "--aspect": width / height }}>
    <img
      class="ground"
      src=${source}
      alt=${name}
      onLoad=${(event) => setSize([event.currentTarget.naturalWidth, event.currentTarget.naturalHeight])}
      onError=${() => setBroken(true)}
    />
    ${shown.heat && view?.heat && html`<img class="layer" src=${view.heat} alt="Heat map: where the model looks" style=${{ opacity }} />`}
    ${shown.areas && view?.mask && html`<img class="layer areas" src=${view.mask} alt="Areas that the model calls damaged" style=${{ opacity }} />`}
    ${truth.some((one) => one.runs) && html`<${Painted} places=${truth.filter((one) => one.runs)} colours=${colours} opacity=${opacity} />`}
    ${(view || size) &&
    html`<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label=${told(boxes, truth)}>
      ${truth.map((one) => html`<${Drawn} place=${one} colour=${colours[one.label]} unit=${Math.max(width, height) / 640} wide=${width} />`)}
      ${boxes.map((one) => html`<${Box} label=${one.label} score=${one.score} box=${one.box} colour=${colours[one.label]} unit=${Math.max(width, height) / 640} wide=${width} />`)}
    </svg>`}
  </div>`;
}

/** What people painted with a brush, or as a mask. */
function Painted({ places, colours, opacity }) {
  const canvas = useRef(null);
  useEffect(() => {
    const [height, width] = places[0].runs.size;
    const scale = shownScale({ width, height });
    Object.assign(canvas.current, { width: Math.round(width * scale), height: Math.round(height * scale) });
    paintMasks(canvas.current, places.map((one) => ({ runs: one.runs, colour: colours[one.label] })));
  }, [places.map((one) => one.runs.counts).join()]);
  return html`<canvas ref=${canvas} class="layer painted" style=${{ opacity }} aria-hidden="true"></canvas>`;
}

function Drawn({ place, colour, unit, wide }) {
  if (place.box) return html`<${Box} label=${place.label} box=${place.box} colour=${colour} unit=${unit} wide=${wide} truth=${true} />`;
  const line = (place.polygons ?? []).map((ring) => `M${ring.map((point) => point.join(",")).join("L")}Z`).join("");
  return html`<g class="truth"><path class="under" d=${line} stroke-width=${4 * unit} /><path class="edge" d=${line} stroke=${colour} stroke-width=${2 * unit} stroke-dasharray="${7 * unit} ${5 * unit}" /></g>`;
}

function Box({ label, score, box, colour, unit, wide, truth = false }) {
  const [left, top, right, bottom] = box;
  const text = truth ? `${kindName(label)}, drawn` : `${kindName(label)} ${percent(score, 0)}`;
  const width = (text.length * 7.4 + 10) * unit;
  const x = Math.max(0, Math.min(left, wide - width));
  const y = truth ? bottom : top >= 18 * unit ? top - 18 * unit : top;
  const edge = { x: left, y: top, width: right - left, height: bottom - top };
  return html`<g class=${truth ? "truth" : "found"}>
    <rect class="under" ...${edge} stroke-width=${4 * unit} />
    <rect class="edge" ...${edge} stroke=${colour} stroke-width=${2 * unit} stroke-dasharray=${truth ? `${7 * unit} ${5 * unit}` : undefined} />
    <rect x=${x} y=${y} width=${width} height=${18 * unit} rx=${3 * unit} fill=${colour} />
    <text x=${x + 5 * unit} y=${y + 13.5 * unit} font-size=${13 * unit} fill=${isLight(colour) ? "#000000" : "#ffffff"}>${text}</text>
  </g>`;
}

function told(boxes, truth) {
  const parts = [];
  if (boxes.length) parts.push(`found: ${boxes.map((one) => kindName(one.label)).join(", ")}`);
  if (truth.length) parts.push(`drawn by people: ${truth.map((one) => kindName(one.label)).join(", ")}`);
  return parts.join("; ") || "No place is marked on the picture";
}
