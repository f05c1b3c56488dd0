/** Ready-to-paste calls of a model. */

import { html, useState } from "../../vendor/preact.js";
import { at, get } from "../../api.js";
import { Loaded, useData } from "../../ui/data.js";
import { Dialog } from "../../ui/dialog.js";
import { Snippet } from "../../ui/snippet.js";
import { Note } from "../../ui/state.js";
import { Tabs } from "../../ui/tabs.js";

/**
 * @param {{project: string, version: string, onClose: () => void}} properties
 */
export function SnippetsDialog({ project, version, onClose }) {
  const calls = useData((signal) => get(at`/projects/${project}/models/${version}/snippets`, { url: location.origin }, { signal }), [project, version]);
  return html`<${Dialog} title=${`Use version ${version} in a program`} wide onClose=${onClose}>
    <${Loaded} of=${calls}>${(told) => html`<${Calls} told=${told} />`}</${Loaded}>
  </${Dialog}>`;
}

function Calls({ told }) {
  const [name, setName] = useState(told.snippets[0].name);
  const shown = told.snippets.find((one) => one.name === name);
  return html`${!told.hosted && html`<${Note}><p>The model is not hosted now: start it before these calls are made.</p></${Note}>`}
    <${Tabs} label="Client" value=${name} options=${told.snippets.map((one) => [one.name, one.name])} onChange=${setName}>
      <p class="small muted">${shown.needs}</p>
      <${Snippet} label=${`Call with ${shown.name}`} code=${shown.code} />
    </${Tabs}>`;
}
