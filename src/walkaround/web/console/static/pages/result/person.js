/** What a person says of a result: confirm or correct with a key, why, and the way into a dataset; with the history of it. */

import { html, useState } from "../../vendor/preact.js";
import { ago, labelName, when } from "../../formats.js";
import { may } from "../../session.js";
import { Button } from "../../ui/button.js";
import { TextField } from "../../ui/field.js";
import { useKeys } from "../../ui/keys.js";
import { Panel } from "../../ui/page.js";
import { failed, say } from "../../ui/toast.js";
import { Person as Said } from "../results/rows.js";
import { addToDataset, labelOf, review } from "../results/selected.js";

/** @param {{result: any, onChange: () => Promise<void>}} properties */
export function Person({ result, onChange }) {
  const [note, setNote] = useState("");
  const right = labelOf(result);
  const wrong = right === "anomaly" ? "normal" : "anomaly";
  const video = "duration" in result.findings;
  const tell = async (label) => {
    await review([{ result: result.id, label, note: note.trim() }]);
    setNote("");
    say(label === null ? "Your word is taken back." : label === right ? "Confirmed." : `Corrected: ${labelName(label)}.`);
    await onChange();
  };
  const add = async (dataset) => {
    await addToDataset(result.project, [result.id], dataset);
    say(`Added to the ${dataset === "train" ? "training" : "test"} pictures as ${labelName(result.verdict)}.`);
    await onChange();
  };
  const keyed = (label) => () => tell(label).catch(failed);
  useKeys(may("manage") ? { y: keyed(right), n: keyed(wrong) } : {});
  return html`<${Panel} title="What a person says">
    <p aria-live="polite"><${Said} result=${result} /></p>
    ${
      may("manage") &&
      html`<div class="row">
          <${Button} kind=${result.verdict ? "plain" : "main"} icon="review" onPress=${() => tell(right)} aria-keyshortcuts="y">The model is right <kbd>Y</kbd></${Button}>
          <${Button} icon=${wrong === "anomaly" ? "damaged" : "whole"} onPress=${() => tell(wrong)} aria-keyshortcuts="n">It is ${labelName(wrong)} <kbd>N</kbd></${Button}>
          ${result.verdict && html`<${Button} kind="quiet" icon="undo" onPress=${() => tell(null)}>Take back</${Button}>`}
        </div>
        <${TextField} label="Why (if you like)" value=${note} onInput=${setNote} maxlength="500" />
        ${
          !video && result.picture
            ? html`<div class="row">
                <${Button} icon="plus" disabled=${!result.verdict} onPress=${() => add("train")}>Add to training pictures</${Button}>
                <${Button} icon="plus" disabled=${!result.verdict} onPress=${() => add("test")}>Add to test pictures</${Button}>
              </div>
              ${!result.verdict && html`<p class="small muted">Confirm or correct first, so that the label is known.</p>`}`
            : ""
        }`
    }
    <${History} reviews=${result.reviews} right=${right} />
  </${Panel}>`;
}

const who = (reviewer) => (reviewer === "keyless" ? "Somebody" : reviewer.startsWith("WALK") ? `The key ${reviewer}` : reviewer);

function History({ reviews, right }) {
  if (!reviews.length) return null;
  const told = (one) => {
    if (one.added_to) return `added to the ${one.added_to === "train" ? "training" : "test"} pictures as ${labelName(one.label)}`;
    if (one.label === null) return "took it back";
    return one.label === right ? "confirmed" : `corrected: ${labelName(one.label)}`;
  };
  return html`<h3>History</h3>
    <ol class="history">
      ${reviews.map(
        (one, index) => html`<li key=${index}>
          <strong>${who(one.reviewer)}</strong> ${told(one)}${one.note && html`: “${one.note}”`}
          <time class="small muted" datetime=${one.created} title=${when(one.created)}>${ago(one.created)}</time>
        </li>`,
      )}
    </ol>`;
}
