/** Which layers of a picture are shown, and how strongly: remembered from one picture to the next. */

import { html, signal } from "../../vendor/preact.js";
import { CheckField } from "../../ui/field.js";

/** What is shown. */
export const shown = signal({ heat: true, areas: true, boxes: true, truth: true });
/** How much heat map and areas hide of the picture, 0 to 1. */
export const opacity = signal(0.7);

const NAMES = { heat: ["Heat map", "h"], areas: ["Areas found", "a"], boxes: ["Boxes found", "b"], truth: ["Drawn by people", "d"] };

/** Show what was hidden, or hide what was shown. */
export function toggle(name) {
  shown.value = { ...shown.value, [name]: !shown.value[name] };
}

/** The layer that a key turns on and off; undefined for other keys. */
export const layerOfKey = (key) => Object.keys(NAMES).find((name) => NAMES[name][1] === key);

/**
 * The switches.
 * @param {{there: string[]}} properties names of the layers that the picture has.
 */
export function Layers({ there }) {
  return html`<fieldset class="layers">
    <legend class="unseen">What is shown on the picture</legend>
    ${there.map(
      (name) => html`<${CheckField} key=${name} label=${html`${NAMES[name][0]} <kbd>${NAMES[name][1]}</kbd>`} checked=${shown.value[name]} onChange=${() => toggle(name)} />`,
    )}
    ${(there.includes("heat") || there.includes("areas") || there.includes("truth")) &&
    html`<label class="strength">
      Strength <input type="range" min="0.1" max="1" step="0.05" value=${opacity.value} onInput=${(event) => (opacity.value = Number(event.currentTarget.value))} />
    </label>`}
  </fieldset>`;
}

/** The layers that a picture has. */
export const layersOf = (view, drawn) => [
  ...(view?.heat ? ["heat"] : []),
  ...(view?.mask ? ["areas"] : []),
  ...(view?.boxes ? ["boxes"] : []),
  ...(drawn.length ? ["truth"] : []),
];
