/** One test picture, large: what is true, what the model said, and what it sees where. */

import { html, useEffect } from "../../vendor/preact.js";
import { at, get } from "../../api.js";
import { count, kindName, percent } from "../../formats.js";
import { Link } from "../../router.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { useData } from "../../ui/data.js";
import { Failed, Verdict } from "../../ui/state.js";
import { modelPath, pictureName, pictureSource } from "./data.js";
import { layerOfKey, Layers, layersOf, opacity, shown, toggle } from "./layers.js";
import { Stage } from "./stage.js";

const SIDE = 1024;

/**
 * The window.
 * @param {{project: string, version: string, tested: object, numbers: number[], index: number, threshold: number, onMove: (index: number) => void, onClose: () => void}} properties
 *   `numbers`: of the pictures that can be turned through, from 0; `index`: which of them is shown.
 */
export function Viewer({ project, version, tested, numbers, index, threshold, onMove, onClose }) {
  const picture = tested.pictures[numbers[index]];
  const turn = (step) => index + step >= 0 && index + step < numbers.length && onMove(index + step);
  useEffect(() => {
    const press = (event) => {
      if (event.target.matches?.("input[type=range]") || event.ctrlKey || event.metaKey || event.altKey) return;
      const layer = layerOfKey(event.key.toLowerCase());
      if (layer) toggle(layer);
      else if (event.key === "ArrowLeft") turn(-1);
      else if (event.key === "ArrowRight") turn(1);
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [index, numbers]);
  return html`<${Dialog} title="Picture ${count(index + 1)} of ${count(numbers.length)}" onClose=${onClose} wide=${true}>
    <${Seen} key=${picture.number} project=${project} version=${version} tested=${tested} picture=${picture} threshold=${threshold} />
    <div class="row turns">
      <${Button} icon="left" disabled=${index === 0} onPress=${() => turn(-1)}>Previous</${Button}>
      <${Button} icon="right" disabled=${index === numbers.length - 1} onPress=${() => turn(1)}>Next</${Button}>
      <span class="small muted keys-told">Keys: <kbd>←</kbd> <kbd>→</kbd></span>
      ${picture.dataset && html`<${Link} to="${at`/projects/${project}/label`}?kind=${picture.dataset}&picture=${encodeURIComponent(picture.picture)}">Correct its label</${Link}>`}
    </div>
  </${Dialog}>`;
}

/**
 * A picture with its layers and what is told of it.
 * @param {{project: string, version: string, tested?: object, picture: object, threshold: number, plain?: boolean}} properties `tested`: what holds
 *   for all test pictures; `plain`: without the switches.
 */
export function Seen({ project, version, tested = {}, picture, threshold, plain = false }) {
  const path = `${modelPath(project, version)}/test-pictures/${picture.number}`;
  const details = useData((signal) => get(path, {}, { signal }), [path]);
  const view = useData((signal) => get(`${path}/view`, {}, { signal }), [path]);
  const drawn = details.value?.drawn ?? [];
  const anomalous = picture.damage >= threshold;
  return html`<div class="seen">
    <div class="stage-place">
      <${Stage}
        source=${pictureSource(project, version, picture.number, SIDE)}
        name=${pictureName(picture.picture)}
        view=${view.value ?? null}
        drawn=${drawn}
        shown=${shown.value}
        opacity=${opacity.value}
      />
      <p class="small muted looking" role="status">${view.loading && !view.value ? "The model looks at the picture …" : ""}</p>
    </div>
    <div class="told">
      ${view.problem && html`<${Failed} problem=${view.problem} onRetry=${view.reload} />`}
      <dl class="pairs">
        <dt>In truth</dt>
        <dd>${picture.damaged === undefined || picture.damaged === null ? "nobody said" : html`<${Verdict} damaged=${picture.damaged} text=${kindName(picture.label)} />`}</dd>
        <dt>Model ${version}</dt>
        <dd><${Verdict} damaged=${anomalous} /> <span class="muted small">${percent(picture.damage)} damaged, threshold ${percent(threshold)}</span></dd>
        ${tested.kind_thresholds
          ? html`<dt>Types</dt><dd><${Types} picture=${picture} limits=${tested.kind_thresholds} anomalous=${anomalous} /></dd>`
          : Object.keys(picture.probabilities).length > 2 &&
            html`<dt>Kinds</dt>
              <dd>${Object.entries(picture.probabilities).sort((one, other) => other[1] - one[1]).slice(0, 5).map(([name, value]) => html`<div key=${name}>${kindName(name)} ${percent(value)}</div>`)}</dd>`}
        ${view.value?.areas &&
        html`<dt>Areas</dt>
          <dd>${Object.entries(view.value.areas).map(([name, value]) => html`<div key=${name}>${kindName(name)} ${percent(value)}</div>`)}${!Object.keys(view.value.areas).length && "none"}</dd>`}
        ${picture.overlap !== undefined && picture.overlap !== null && html`<dt>Overlap</dt><dd>${percent(picture.overlap)} <span class="muted small">of areas found and drawn</span></dd>`}
        ${picture.badness !== undefined && picture.badness !== null && view.value?.boxes && html`<dt>Boxes</dt><dd>${count(picture.missed)} missed, ${count(picture.false_alarms)} wrong</dd>`}
        <dt>Picture</dt>
        <dd class="address" title=${picture.picture}>${pictureName(picture.picture)}</dd>
      </dl>
      ${!plain && html`<${Layers} there=${layersOf(view.value, drawn)} />`}
    </div>
  </div>`;
}

/** The damage types that a model tells of, each with its own threshold; those that it tells on a picture stand out. */
function Types({ picture, limits, anomalous }) {
  const rows = Object.entries(limits).sort((one, other) => picture.probabilities[other[0]] - picture.probabilities[one[0]]);
  return rows.map(([name, limit]) => {
    const value = picture.probabilities[name];
    const told = anomalous && value >= limit;
    return html`<div key=${name}>${told ? html`<strong>${kindName(name)}</strong>` : kindName(name)} ${percent(value)} <span class="muted small">${told ? "told" : "not told"}, from ${percent(limit)}</span></div>`;
  });
}
