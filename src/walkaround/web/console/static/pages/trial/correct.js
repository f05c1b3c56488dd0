/** What is really on a picture: whole or damaged, the kinds of damage, and their places. */

import { html, useRef, useState } from "../../vendor/preact.js";
import { at, get } from "../../api.js";
import { kindName } from "../../formats.js";
import { Button, IconButton } from "../../ui/button.js";
import { useData } from "../../ui/data.js";
import { Dialog } from "../../ui/dialog.js";
import { CheckField, Choice, SelectField } from "../../ui/field.js";
import { Picture } from "../../ui/picture.js";
import { boxBetween, pointOf } from "./boxes.js";

/**
 * @param {{project: string, picture: any, onClose: () => void, onSay: (said: {label: string, kinds: string[], places: any[]|null, as_found: boolean}) => void}} properties
 */
export function Correct({ project, picture, onClose, onSay }) {
  const { findings } = picture;
  const classes = useData((signal) => get(at`/projects/${project}/classes`, {}, { signal }), [project]);
  const [label, setLabel] = useState(picture.verified ?? (findings.anomalous ? "anomaly" : "normal"));
  const [kinds, setKinds] = useState(picture.kinds ?? Object.keys(findings.kinds ?? {}));
  const [places, setPlaces] = useState(picture.places ?? boxesFound(findings));
  const [asFound, setAsFound] = useState(false);
  const names = namesOf(classes.value, findings, kinds);
  const [kind, setKind] = useState(null);
  const drawnKind = kind ?? names[0];
  const turn = (name) => setKinds(kinds.includes(name) ? kinds.filter((one) => one !== name) : [...kinds, name]);
  const say = () => {
    const damaged = label === "anomaly";
    onSay({ label, kinds: damaged ? kinds : [], places: damaged && !asFound ? places : null, as_found: damaged && asFound });
  };
  const change = (index, one) => setPlaces(one === null ? places.filter((_, other) => other !== index) : places.map((old, other) => (other === index ? one : old)));
  return html`<${Dialog} title="What is really there?" wide=${true} onClose=${onClose}>
    <div class="correct">
      <${Drawing} picture=${picture} places=${places ?? []} enabled=${label === "anomaly" && Boolean(drawnKind)} onDraw=${(box) => setPlaces([...(places ?? []), { label: drawnKind, box }])} />
      <div>
        <${Choice} label="The vehicle is" value=${label} options=${[["normal", "Whole"], ["anomaly", "Damaged"]]} onChange=${setLabel} />
        ${label === "anomaly" &&
        html`<fieldset class="kinds">
            <legend>Kinds of damage</legend>
            ${names.map((name) => html`<${CheckField} key=${name} label=${kindName(name)} checked=${kinds.includes(name)} onChange=${() => turn(name)} />`)}
          </fieldset>
          ${findings.areas && Object.keys(findings.areas).length > 0 && html`<${CheckField} label="The boxes and areas that were found are right" checked=${asFound} onChange=${setAsFound} />`}
          ${!asFound &&
          html`<h3>Places</h3>
            ${names.length > 0 && html`<${SelectField} label="Draw on the picture:" value=${drawnKind} options=${names.map((name) => [name, kindName(name)])} onChange=${setKind} />`}
            ${(places ?? []).length === 0 && html`<p class="small muted">No place is drawn. That is fine: the picture is learnt from as damaged.</p>`}
            <ul class="places">
              ${(places ?? []).map(
                (one, index) => html`<li key=${index}>
                  <select class="input" aria-label=${`Kind of place ${index + 1}`} onChange=${(event) => change(index, { ...one, label: event.currentTarget.value })}>
                    ${[...new Set([one.label, ...names])].map((name) => html`<option key=${name} value=${name} selected=${name === one.label}>${kindName(name)}</option>`)}
                  </select>
                  <${IconButton} icon="trash" label=${`Remove place ${index + 1}, ${kindName(one.label)}`} onPress=${() => change(index, null)} />
                </li>`,
              )}
            </ul>`}`}
        <div class="row end">
          <${Button} onPress=${onClose}>Cancel</${Button}>
          <${Button} kind="main" onPress=${say}>Save</${Button}>
        </div>
      </div>
    </div>
  </${Dialog}>`;
}

function Drawing({ picture, places, enabled, onDraw }) {
  const area = useRef(null);
  const [drag, setDrag] = useState(null);
  const { findings } = picture;
  const point = (event) => pointOf(event, area.current.getBoundingClientRect(), findings);
  const begin = (event) => {
    if (!enabled || event.button > 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrag({ from: point(event), to: point(event) });
  };
  const move = (event) => drag && setDrag({ ...drag, to: point(event) });
  const end = (event) => {
    const box = drag && boxBetween(drag.from, point(event), findings);
    setDrag(null);
    if (box) onDraw(box);
  };
  const open = drag && boxBetween(drag.from, drag.to, findings);
  const boxes = places.filter((one) => one.box);
  const outlines = places.filter((one) => one.polygons).map((one) => ({ label: one.label, rings: one.polygons }));
  return html`<div
    ref=${area}
    class=${enabled ? "drawing on" : "drawing"}
    onPointerDown=${begin}
    onPointerMove=${move}
    onPointerUp=${end}
    onPointerCancel=${() => setDrag(null)}
  >
    <${Picture}
      source=${`${picture.image}&size=1024`}
      name=${picture.name ?? "The picture"}
      width=${findings.width}
      height=${findings.height}
      boxes=${open ? [...boxes, { label: "…", box: open, colour: "#ffffff" }] : boxes}
      outlines=${outlines}
      truth=${true}
    />
  </div>`;
}

function boxesFound(findings) {
  return findings.boxes?.length ? findings.boxes.map(({ label, box }) => ({ label, box })) : null;
}

/** The kinds to choose from: those of the project, of the model, and those that the picture has. */
function namesOf(classes, findings, kinds) {
  const own = (classes?.classes ?? []).map((one) => one.name);
  const told = findings.kinds ? Object.keys(findings.probabilities).filter((name) => !["normal", "anomaly"].includes(name)) : [];
  const found = [...(findings.boxes ?? []).map((one) => one.label), ...Object.keys(findings.areas ?? {})];
  return [...new Set([...own, ...told, ...found, ...kinds])];
}
