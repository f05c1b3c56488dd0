/** How far the files of a trial are on their way, and which of them were refused. */

import { html } from "../../vendor/preact.js";
import { bytes, plural } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { ProgressBar } from "../../ui/progress.js";
import { Note } from "../../ui/state.js";
import { forget, sendingOf, stopSending } from "./sending.js";

/** @param {{project: string, trial: string}} properties */
export function SendingState({ project, trial }) {
  const state = sendingOf(project, trial);
  if (!state) return null;
  const text = `Sending: ${plural(state.done, "file")} of ${state.files}, ${bytes(state.sent)} of ${bytes(state.total)}`;
  return html`${state.busy &&
    html`<div class="looking">
      <${ProgressBar} share=${state.total ? state.sent / state.total : null} text=${text} />
      <${Button} kind="quiet" icon="stop" onPress=${() => stopSending(project, trial)}>Stop sending</${Button}>
    </div>`}
    ${state.refused.length > 0 &&
    html`<${Note} kind="warning">
      <p><strong>${plural(state.refused.length, "file was", "files were")} left out.</strong></p>
      <ul class="refused">
        ${state.refused.map((one, index) => html`<li key=${index}><strong>${one.name}</strong>: ${withoutName(one)}</li>`)}
      </ul>
      ${!state.busy && html`<${Button} onPress=${() => forget(project, trial)}>Close this list</${Button}>`}
    </${Note}>`}`;
}

function withoutName({ name, reason }) {
  const start = `'${name}' `;
  return reason.startsWith(start) ? reason.slice(start.length) : reason;
}
