/** By which threshold a version answers: adopt the one that was tried, return to that of the training, and who did so before. */

import { html, useState } from "../../vendor/preact.js";
import { send } from "../../api.js";
import { ago, when } from "../../formats.js";
import { may } from "../../session.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { TextField } from "../../ui/field.js";
import { failed, say } from "../../ui/toast.js";
import { modelPath } from "./data.js";
import { whoDid } from "./words.js";

const SAME = 5e-4;

/**
 * What counts, and the buttons that change it.
 * @param {{project: string, version: string, point: object, threshold: {value: number}, onChanged: (point: object) => void}} properties
 */
export function Adopt({ project, version, point, threshold, onChanged }) {
  const [asking, setAsking] = useState(false);
  const change = async (wanted, note = "") => {
    const told = await send("PUT", `${modelPath(project, version)}/threshold`, { threshold: wanted, note });
    onChanged(told);
    const back = { name: "Undo", act: () => change(point.adopted ? point.threshold : null, "Undone.").catch(failed) };
    say(`Version ${version} answers by ${told.threshold.toFixed(3)} from now on.`, { action: back });
  };
  const same = point.threshold !== null && Math.abs(threshold.value - point.threshold) < SAME;
  const last = point.changes[0];
  return html`<div class="adopt">
    <p>
      Version ${version} answers by <strong>${point.threshold === null ? "its package's threshold" : point.threshold.toFixed(3)}</strong>,
      ${point.adopted ? html` adopted ${ago(last?.created)} by ${whoDid(last?.by)}` : " as its training chose"}${point.adopted && last?.note ? `: “${last.note}”` : ""}.
    </p>
    ${may("manage") &&
    html`<div class="row">
      <${Button} kind="main" disabled=${same} onPress=${() => setAsking(true)}>Answer by ${threshold.value.toFixed(3)} from now on</${Button}>
      ${point.adopted && html`<${Button} icon="undo" onPress=${() => change(null)}>Back to that of the training</${Button}>`}
    </div>`}
    <${Changes} changes=${point.changes} />
    ${asking && html`<${Ask} version=${version} wanted=${threshold.value} point=${point} onClose=${() => setAsking(false)} onAgree=${(note) => change(threshold.value, note)} />`}
  </div>`;
}

function Ask({ version, wanted, point, onClose, onAgree }) {
  const [note, setNote] = useState("");
  const agree = async () => {
    await onAgree(note);
    onClose();
  };
  return html`<${Dialog} title="Another threshold" onClose=${onClose}>
    <p>
      Every picture that version ${version} looks at from now on, over every API and by every watch, is called damaged from a probability of
      <strong> ${wanted.toFixed(3)}</strong>${point.threshold === null ? "" : ` instead of ${point.threshold.toFixed(3)}`}. A package that was downloaded keeps its own.
    </p>
    <p class="muted small">A threshold that was chosen on these test pictures looks a little better on them than it will on new ones: try it on new photos, too.</p>
    <${TextField} label="Why (for whoever looks later)" value=${note} onInput=${setNote} maxlength="500" />
    <div class="row end">
      <${Button} onPress=${onClose}>Cancel</${Button}>
      <${Button} kind="main" onPress=${agree}>Answer by ${wanted.toFixed(3)}</${Button}>
    </div>
  </${Dialog}>`;
}

function Changes({ changes }) {
  if (!changes.length) return null;
  const told = (threshold) => (threshold === null ? "that of the training" : threshold.toFixed(3));
  return html`<details class="more">
    <summary>Changes of the threshold (${changes.length})</summary>
    <ul class="changes">
      ${changes.map((one) => html`<li key=${one.created}><strong>${told(one.threshold)}</strong> instead of ${told(one.former)} <span class="muted small">${when(one.created)}, ${whoDid(one.by)}${one.note && `: “${one.note}”`}</span></li>`)}
    </ul>
  </details>`;
}
