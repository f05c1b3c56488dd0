/** A picture with what was found, or drawn, on it: boxes and outlines as SVG, masks and heat maps as pictures over it. */

import { html, useState } from "../vendor/preact.js";
import { kindName, percent } from "../formats.js";
import { colourOf, coloursOf, isLight } from "./colours.js";

/**
 * A picture with its findings.
 * @param {{source: string, name: string, width: number, height: number, boxes?: {label: string, score?: number, box: number[], colour?: string}[],
 *   outlines?: {label: string, rings: [number, number][][], colour?: string}[], layers?: {source: string, name: string, opacity: number, blend?: string}[], truth?: boolean, children?: any}} properties
 *   `width`, `height`: pixels of the upright original, in which boxes (xyxy) and rings are told; `layers`: pictures of the same shape laid over it, masks with the blend "multiply";
 *   `truth`: what is drawn is what a person drew, so dashed; `children`: laid over the picture, below boxes and outlines.
 */
export function Picture({ source, name, width, height, boxes = [], outlines = [], layers = [], truth = false, children }) {
  const [broken, setBroken] = useState(false);
  if (broken) return html`<div class="picture broken">The picture ${name} cannot be shown any more.</div>`;
  const colours = coloursOf([...boxes, ...outlines].map((one) => one.label));
  const unit = Math.max(width, height) / 640; // so that lines and letters look alike on small and large pictures
  return html`<div class="picture" style=${{ aspectRatio: `${width} / ${height}` }}>
    <img src=${source} alt=${name} width=${width} height=${height} onError=${() => setBroken(true)} />
    ${layers.map((one) => html`<img key=${one.source} class="layer" src=${one.source} alt=${one.name} style=${{ opacity: one.opacity, mixBlendMode: one.blend }} />`)}
    ${children}
    <svg class=${truth ? "truth" : ""} viewBox="0 0 ${width} ${height}" role="img" aria-label=${told(boxes, outlines)}>
      ${outlines.map(
        (one) => html`<path
          d=${one.rings.map((ring) => `M${ring.map((point) => point.join(",")).join("L")}Z`).join("")}
          fill=${one.colour ?? colours[one.label]}
          fill-opacity="0.25"
          fill-rule="evenodd"
          stroke=${one.colour ?? colours[one.label]}
          stroke-width=${2 * unit}
        />`,
      )}
      ${boxes.map((one) => html`<${Box} colour=${colours[one.label]} ...${one} unit=${unit} pictureWidth=${width} />`)}
    </svg>
  </div>`;
}

function Box({ label, score, box, colour = colourOf(label), unit, pictureWidth }) {
  const [left, top, right, bottom] = box;
  const text = score === undefined ? kindName(label) : `${kindName(label)} ${percent(score, 0)}`;
  const width = (text.length * 7.9 + 10) * unit;
  const height = 18 * unit;
  const x = Math.max(0, Math.min(left, pictureWidth - width));
  const y = top >= height ? top - height : top;
  return html`<g>
    <rect x=${left} y=${top} width=${right - left} height=${bottom - top} class="under" stroke-width=${4 * unit} />
    <rect x=${left} y=${top} width=${right - left} height=${bottom - top} class="edge" stroke=${colour} stroke-width=${2 * unit} stroke-dasharray=${6 * unit} />
    <rect x=${x} y=${y} width=${width} height=${height} fill=${colour} rx=${3 * unit} />
    <text x=${x + 5 * unit} y=${y + 13.5 * unit} font-size=${13 * unit} fill=${isLight(colour) ? "#000000" : "#ffffff"}>${text}</text>
  </g>`;
}

function told(boxes, outlines) {
  const names = [...boxes, ...outlines].map((one) => kindName(one.label));
  return names.length ? `On the picture: ${names.join(", ")}` : "Nothing is drawn on the picture";
}
