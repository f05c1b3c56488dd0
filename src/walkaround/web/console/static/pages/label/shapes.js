/** Boxes, outlines and their handles over the picture, as SVG in screen pixels, so that lines and handles look alike at every zoom. */

import { html } from "../../vendor/preact.js";
import { kindName, percent } from "../../formats.js";
import { isLight } from "../../ui/colours.js";
import { sizeOf } from "./document.js";
import { handlePoints } from "./geometry.js";
import { toScreen } from "./viewport.js";

const NAME_HEIGHT = 20;

/**
 * All that is drawn.
 * @param {{desk: ReturnType<typeof import("./desk.js").makeDesk>, names: boolean}} properties
 */
export function Shapes({ desk, names }) {
  const view = desk.view.value;
  const { width, height } = desk.stage.value;
  const chosen = desk.chosen.value;
  const drafts = desk.draft.value?.places ?? [];
  const ordered = desk.places.value.filter((one) => !one.runs).sort((one, other) => sizeOf(other) - sizeOf(one));
  const active = ordered.find((one) => one.id === chosen);
  const graspable = desk.tool.value === "select";
  const held = graspable || (desk.tool.value === "box" && active?.box) || (desk.tool.value === "polygon" && active?.polygons && !desk.ring.value.length);
  return html`<svg class=${graspable ? "shapes graspable" : "shapes"} width=${width} height=${height} aria-hidden="true">
    ${drafts.filter((one) => !one.runs).map((one) => html`<${Shape} key=${`d${one.id}`} place=${one} view=${view} colour=${desk.colourOf(one.label)} draft=${true} names=${names} />`)}
    ${ordered.map((one) => html`<${Shape} key=${one.id} place=${one} view=${view} colour=${desk.colourOf(one.label)} chosen=${one === active} names=${names} />`)}
    ${active && held && html`<${Handles} place=${active} view=${view} />`}
    <${Ring} desk=${desk} />
  </svg>`;
}

function Shape({ place, view, colour, chosen = false, draft = false, names }) {
  const path = pathOf(place, view);
  const [x, y] = cornerOf(place, view);
  const text = place.score === undefined || place.score === null ? kindName(place.label) : `${kindName(place.label)} ${percent(place.score, 0)}`;
  return html`<g class=${`shape${chosen ? " chosen" : ""}${draft ? " draft" : ""}`}>
    <path d=${path} class="under" />
    <path d=${path} class="edge" stroke=${colour} fill=${colour} data-place=${draft ? undefined : place.id} />
    ${names &&
    html`<g class="name" transform=${`translate(${x} ${Math.max(y - NAME_HEIGHT, 0)})`}>
      <rect width=${text.length * 8.6 + 12} height=${NAME_HEIGHT - 2} rx="4" fill=${colour} />
      <text x="6" y="13.500" class=${isLight(colour) ? "dark" : "light"}>${text}</text>
    </g>`}
  </g>`;
}

function Handles({ place, view }) {
  if (place.box) {
    return html`<g class="handles">
      ${Object.entries(handlePoints(place.box)).map(([name, point]) => {
        const [x, y] = toScreen(view, point);
        return html`<g key=${name} class=${`handle ${name}`}><circle cx=${x} cy=${y} r="14" class="reach" data-handle=${name} /><rect x=${x - 5} y=${y - 5} width="10" height="10" rx="2" data-handle=${name} /></g>`;
      })}
    </g>`;
  }
  return html`<g class="handles">
    ${place.polygons.map((points, ring) =>
      points.map((point, index) => {
        const [x, y] = toScreen(view, point);
        const [nextX, nextY] = toScreen(view, points[(index + 1) % points.length]);
        return html`<g key=${`${ring} ${index}`}>
          <circle cx=${(x + nextX) / 2} cy=${(y + nextY) / 2} r="4" class="between" data-ring=${ring} data-between=${index} />
          <g class="handle"><circle cx=${x} cy=${y} r="12" class="reach" data-ring=${ring} data-index=${index} /><circle cx=${x} cy=${y} r="5.500" data-ring=${ring} data-index=${index} /></g>
        </g>`;
      }),
    )}
  </g>`;
}

/** The outline that is being drawn. */
function Ring({ desk }) {
  const points = desk.ring.value.map((point) => toScreen(desk.view.value, point));
  if (!points.length) return null;
  const colour = desk.colourOf(desk.kind.value);
  const line = points.map((point) => point.join(",")).join(" ");
  return html`<g class="ring">
    <polyline points=${line} class="under" />
    <polyline points=${line} stroke=${colour} />
    ${points.map(([x, y], index) => html`<circle key=${index} cx=${x} cy=${y} r=${index ? 4 : 7} fill=${colour} />`)}
  </g>`;
}

function pathOf(place, view) {
  const path = (points) => `M${points.map((point) => toScreen(view, point).map((value) => value.toFixed(1)).join(",")).join("L")}Z`;
  if (place.polygons) return place.polygons.map(path).join("");
  const [left, top, right, bottom] = place.box;
  return path([[left, top], [right, top], [right, bottom], [left, bottom]]);
}

function cornerOf(place, view) {
  if (place.box) return toScreen(view, place.box);
  const points = place.polygons.flat().map((point) => toScreen(view, point));
  return points.reduce((best, point) => (point[1] < best[1] ? point : best));
}
