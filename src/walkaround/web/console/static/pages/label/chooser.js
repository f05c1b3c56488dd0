/** Which pictures are shown one after the other: of which dataset, and in which state. */

import { html } from "../../vendor/preact.js";
import { setQuery } from "../../router.js";
import { Choice } from "../../ui/field.js";

const KINDS = [
  ["train", "Training"],
  ["test", "Test"],
];

/**
 * The choice stands in the address; the picture that was open is left with it.
 * @param {{kind: string, show: string, states: [string, string][]}} properties `states`: value and text.
 */
export function Chooser({ kind, show, states }) {
  return html`<${Choice} label="Pictures for" value=${kind} options=${KINDS} onChange=${(one) => setQuery({ kind: one, picture: null })} />
    <label class="row"><span class="unseen">Show</span>
      <select class="input" onChange=${(event) => setQuery({ show: event.currentTarget.value, picture: null })}>
        ${states.map(([one, text]) => html`<option key=${one} value=${one} selected=${one === show}>${text}</option>`)}
      </select>
    </label>`;
}
