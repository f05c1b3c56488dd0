/** One picture large, with what is known of it; the arrows lead on, n and a label it. */

import { html, useEffect, useRef } from "../../vendor/preact.js";
import { address, at } from "../../api.js";
import { kindName, percent, when } from "../../formats.js";
import { Link } from "../../router.js";
import { Button, IconButton } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { Badge, Loading, Verdict } from "../../ui/state.js";
import { problemName, STATES } from "./filters.js";
import { pictureSource } from "./tile.js";

/**
 * @param {{project: string, kind: string, ids: number[], index: number, rows: Map<number, object>, mayLabel: boolean, onMove: (index: number) => void,
 *   onLabel: (ids: number[], label: string|null) => void, onClose: () => void}} properties
 */
export function Look({ project, kind, ids, index, rows, mayLabel, onMove, onLabel, onClose }) {
  const row = rows.get(ids[index]);
  const step = (by) => index + by >= 0 && index + by < ids.length && onMove(index + by);
  const keys = useRef(null);
  keys.current = {
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    n: () => mayLabel && onLabel([ids[index]], "normal"),
    a: () => mayLabel && onLabel([ids[index]], "anomaly"),
    u: () => mayLabel && onLabel([ids[index]], null),
  };
  useEffect(() => {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
      const act = keys.current[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
  return html`<${Dialog} title=${row?.name ?? "Picture"} wide=${true} onClose=${onClose}>
    ${row
      ? html`<div class="look">
          <div class="look-picture">
            <img key=${row.id} src=${pictureSource(project, kind, row.picture, 1024)} alt=${row.name} />
            <${IconButton} icon="left" label="Picture before (arrow left)" disabled=${index === 0} onPress=${() => step(-1)} />
            <${IconButton} icon="right" label="Next picture (arrow right)" disabled=${index === ids.length - 1} onPress=${() => step(1)} />
          </div>
          <${Facts} project=${project} kind=${kind} row=${row} place=${`${index + 1} of ${ids.length}`} mayLabel=${mayLabel} onLabel=${(label) => onLabel([row.id], label)} />
        </div>`
      : html`<${Loading} />`}
  </${Dialog}>`;
}

function Facts({ project, kind, row, place, mayLabel, onLabel }) {
  const drawing = `${at`/projects/${project}/label`}?kind=${kind}&show=all&picture=${encodeURIComponent(row.picture)}`;
  return html`<div class="look-facts">
    <div class="row spread">
      ${row.label ? html`<${Verdict} damaged=${row.label === "anomaly"} />` : html`<${Badge}>not labelled</${Badge}>`}
      <span class="muted small">${place}</span>
    </div>
    ${mayLabel &&
    html`<div class="row">
      <${Button} aria-pressed=${row.label === "normal"} onPress=${() => onLabel("normal")}>Whole <kbd>N</kbd></${Button}>
      <${Button} aria-pressed=${row.label === "anomaly"} onPress=${() => onLabel("anomaly")}>Damaged <kbd>A</kbd></${Button}>
      <${Button} kind="quiet" disabled=${!row.label} onPress=${() => onLabel(null)}>No label <kbd>U</kbd></${Button}>
    </div>`}
    <dl>
      ${row.drawn.length > 0 && html`<div><dt>Drawn</dt><dd>${row.drawn.map(kindName).join(", ")}</dd></div>`}
      ${row.state !== "unlabelled" && html`<div><dt>Labels</dt><dd>${STATES[row.state] ?? row.state}</dd></div>`}
      ${row.doubt !== null && html`<div><dt>Doubt</dt><dd>${percent(row.doubt, 0)} by models that never saw it${row.doubt > 0.5 ? `; they say ${kindName(row.suggests)}` : ""}</dd></div>`}
      ${row.flags.length > 0 && html`<div><dt>Check</dt><dd>${row.flags.map(problemName).join(", ")}</dd></div>`}
      <div><dt>Added</dt><dd>${when(row.created)}</dd></div>
      <div><dt>Address</dt><dd><code>${row.picture}</code></dd></div>
    </dl>
    <div class="row">
      <${Link} class="button plain" to=${drawing}>${mayLabel ? "Draw damage" : "See what is drawn"}</${Link}>
      <a class="button quiet" href=${address(at`/projects/${project}/datasets/${kind}/picture`, { picture: row.picture })} download=${row.name}>Download</a>
    </div>
  </div>`;
}
