/** The places on the picture as a list, and what a model proposes. */

import { html } from "../../vendor/preact.js";
import { kindName, percent } from "../../formats.js";
import { Button, IconButton } from "../../ui/button.js";
import { wordsOf } from "./document.js";

/** @param {{desk: ReturnType<typeof import("./desk.js").makeDesk>}} properties */
export function PlacesPanel({ desk }) {
  const places = desk.document.value?.places ?? [];
  const former = desk.former.value;
  return html`<section class="part" aria-label="Drawn">
    <div class="part-head">
      <h2>Drawn ${places.length ? html`<span class="muted">(${places.length})</span>` : ""}</h2>
      ${former && html`<${Button} kind="quiet small" icon="copy" disabled=${!desk.size.value} onPress=${desk.copyFormer}>From the last</${Button}>`}
    </div>
    ${places.length
      ? html`<ul class="places">
          ${places.map(
            (place) => html`<li key=${place.id} class=${place.id === desk.chosen.value ? "chosen" : ""}>
              <button type="button" class="place" aria-pressed=${place.id === desk.chosen.value} onClick=${() => choose(desk, place.id)}>
                <span class="swatch" style=${{ background: desk.colourOf(place.label) }}></span>
                <span>${kindName(place.label)}<small>${wordsOf(place)}</small></span>
              </button>
              <${IconButton} icon="trash" label=${`Take away ${kindName(place.label)}, ${wordsOf(place)}`} onPress=${() => desk.remove(place.id)} />
            </li>`,
          )}
        </ul>`
      : html`<p class="small muted">Nothing yet. Draw a box with <kbd>B</kbd>, an outline with <kbd>P</kbd>, or paint with <kbd>R</kbd>.</p>`}
  </section>`;
}

function choose(desk, id) {
  desk.useTool("select");
  desk.chosen.value = desk.chosen.value === id ? null : id;
}

/**
 * What a model proposes, and the way to ask it.
 * @param {{desk: object, drafts: ReturnType<typeof import("./drafts.js").makeDrafts>}} properties
 */
export function DraftPanel({ desk, drafts }) {
  const draft = desk.draft.value;
  const { name, problem } = drafts.state.value;
  const models = drafts.models.value;
  if (models === null) return null;
  if (!models.length) {
    return html`<section class="part" aria-label="Drafts">
      <h2>Drafts</h2>
      <p class="small muted">A model that runs can propose labels. Start one under Models.</p>
    </section>`;
  }
  return html`<section class="part" aria-label="Drafts">
    <div class="part-head">
      <h2>Draft of model ${draft?.model ?? models[0]}</h2>
      ${!draft && html`<${Button} kind="quiet small" onPress=${drafts.ask} disabled=${name === "asking"}>Ask <kbd aria-hidden="true">G</kbd></${Button}>`}
    </div>
    <div aria-live="polite">
      ${name === "asking" && html`<p class="small muted">Asking …</p>`}
      ${name === "failed" && html`<p class="problem small">${problem.message}</p>`}
      ${draft && html`<${Proposed} desk=${desk} draft=${draft} />`}
    </div>
    <label class="check small">
      <input type="checkbox" checked=${drafts.always.value} onChange=${(event) => drafts.setAlways(event.currentTarget.checked)} />
      <span>Ask for each picture that is not labelled</span>
    </label>
  </section>`;
}

function Proposed({ desk, draft }) {
  const kinds = draft.kinds.map(kindName).join(", ");
  return html`<p>
      <strong>${draft.label === "anomaly" ? "damaged" : "whole"}</strong>, ${percent(draft.confidence, 0)} sure${kinds ? html`: ${kinds}` : ""}
    </p>
    ${draft.places.length > 0 &&
    html`<ul class="places drafts">
      ${draft.places.map(
        (place) => html`<li key=${place.id}>
          <span class="place">
            <span class="swatch" style=${{ background: desk.colourOf(place.label) }}></span>
            <span>${kindName(place.label)}<small>${place.score ? `${percent(place.score, 0)} sure, ` : ""}${wordsOf(place)}</small></span>
          </span>
          <${IconButton} icon="review" label=${`Accept ${kindName(place.label)}, ${wordsOf(place)}`} onPress=${() => desk.accept(place.id)} />
          <${IconButton} icon="close" label=${`Reject ${kindName(place.label)}, ${wordsOf(place)}`} onPress=${() => desk.reject(place.id)} />
        </li>`,
      )}
    </ul>`}
    <div class="row">
      <${Button} kind="main" onPress=${() => desk.accept()}>Accept <kbd aria-hidden="true">↵</kbd></${Button}>
      <${Button} onPress=${() => desk.reject()}>Reject <kbd aria-hidden="true">Esc</kbd></${Button}>
    </div>`;
}
