/** What a model proposes, and the ways to have it asked: for this picture, or for all that nobody has labelled. */

import { html, useState } from "../../vendor/preact.js";
import { count, kindName, percent, plural } from "../../formats.js";
import { may } from "../../session.js";
import { Button, IconButton } from "../../ui/button.js";
import { SelectField } from "../../ui/field.js";
import { JobProgress } from "../../ui/progress.js";
import { failed } from "../../ui/toast.js";
import { wordsOf } from "./document.js";

/** @param {{desk: object, drafts: ReturnType<typeof import("./drafts.js").makeDrafts>}} properties */
export function DraftPanel({ desk, drafts }) {
  const draft = desk.draft.value;
  const { name, problem } = drafts.state.value;
  const models = drafts.models.value;
  if (models === null) return null;
  if (!drafts.trained.value.length) {
    return html`<section class="part" aria-label="Drafts">
      <h2>Drafts</h2>
      <p class="small muted">A trained model can propose labels. Train one first.</p>
    </section>`;
  }
  return html`<section class="part" aria-label="Drafts">
    <div class="part-head">
      <h2>${draft ? `Draft of model ${draft.model}` : "Drafts"}</h2>
      ${!draft && models.length > 0 && may("detect") && html`<${Button} kind="quiet small" onPress=${drafts.ask} disabled=${name === "asking"}>Ask model ${models[0]} <kbd aria-hidden="true">G</kbd></${Button}>`}
    </div>
    <div aria-live="polite">
      ${name === "asking" && html`<p class="small muted">Asking …</p>`}
      ${name === "failed" && html`<p class="problem small">${problem.message}</p>`}
      ${draft && html`<${Proposed} desk=${desk} draft=${draft} />`}
    </div>
    ${models.length > 0 &&
    may("detect") &&
    html`<label class="check small">
      <input type="checkbox" checked=${drafts.always.value} onChange=${(event) => drafts.setAlways(event.currentTarget.checked)} />
      <span>Ask for each picture that is not labelled</span>
    </label>`}
    <${All} drafts=${drafts} />
  </section>`;
}

/** The drafting of all pictures that nobody has labelled: how it stands, and the button for it. */
function All({ drafts }) {
  const told = drafts.all.value;
  const trained = drafts.trained.value;
  const [chosen, setChosen] = useState(null);
  if (!told) return null;
  if (told.status === "RUNNING") {
    return html`<div class="draft-all">
      <${JobProgress} key=${told.job} job=${told.job} onEnd=${() => drafts.renewed().catch(failed)} />
      <div class="row spread">
        <p class="small muted">By version ${told.model}. You can leave this page; it goes on.</p>
        ${may("manage") && html`<${Button} kind="plain small" icon="stop" onPress=${drafts.stop}>Stop</${Button}>`}
      </div>
    </div>`;
  }
  const model = chosen ?? trained[0];
  const left = told.model === model ? told.unlabelled - told.drafted : told.unlabelled;
  return html`<div class="draft-all">
    ${told.status === "FAILED" && html`<p class="problem small">${told.message}</p>`}
    ${["COMPLETE", "CANCELLED"].includes(told.status) && told.unlabelled > 0 &&
    html`<p class="small muted">${count(told.drafted)} of ${plural(told.unlabelled, "unlabelled picture")} ${told.drafted === 1 ? "has" : "have"} a draft by version ${told.model}. ${told.message}</p>`}
    ${may("manage") && trained.length > 1 && html`<${SelectField} label="Drafts by" value=${model} options=${trained.map((one) => [one, `version ${one}`])} onChange=${setChosen} />`}
    ${may("manage") && left > 0 && html`<${Button} kind="plain small" onPress=${() => drafts.draftAll(model)}>Draft all unlabelled pictures</${Button}>`}
  </div>`;
}

function Proposed({ desk, draft }) {
  const kinds = draft.kinds.map(kindName).join(", ");
  return html`<p>
      <strong>${draft.label === "anomaly" ? "damaged" : "whole"}</strong>, ${percent(draft.confidence, 0)} sure${kinds ? html`: ${kinds}` : ""}
      <small class="limit muted">Called damaged from ${percent(draft.threshold)}, as version ${draft.model} answers.</small>
    </p>
    ${draft.places.length > 0 &&
    html`<ul class="places drafts">
      ${draft.places.map(
        (place) => html`<li key=${place.id}>
          <span class="place">
            <span class="swatch" style=${{ background: desk.colourOf(place.label) }}></span>
            <span>${kindName(place.label)}<small>${place.score ? `${percent(place.score, 0)} sure, ` : ""}${wordsOf(place)}</small></span>
          </span>
          ${may("manage") &&
          html`<${IconButton} icon="review" label=${`Accept ${kindName(place.label)}, ${wordsOf(place)}`} onPress=${() => desk.accept(place.id)} />
            <${IconButton} icon="close" label=${`Reject ${kindName(place.label)}, ${wordsOf(place)}`} onPress=${() => desk.reject(place.id)} />`}
        </li>`,
      )}
    </ul>`}
    ${may("manage") &&
    html`<div class="row">
      <${Button} kind="main" onPress=${() => desk.accept()}>Accept <kbd aria-hidden="true">↵</kbd></${Button}>
      <${Button} onPress=${() => desk.reject()}>Reject <kbd aria-hidden="true">Esc</kbd></${Button}>
    </div>`}`;
}
