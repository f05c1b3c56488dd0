/** Access keys: for programs and for AWS' own clients. */

import { html, useState } from "../vendor/preact.js";
import { at, get, send } from "../api.js";
import { ago, plural, when } from "../formats.js";
import { may, session } from "../session.js";
import { Button } from "../ui/button.js";
import { Loaded, useData } from "../ui/data.js";
import { confirm } from "../ui/dialog.js";
import { CheckField } from "../ui/field.js";
import { Page, Panel } from "../ui/page.js";
import { Badge, Empty, Note } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { say } from "../ui/toast.js";
import { MakeKey } from "./keys/dialog.js";
import { roleName } from "./users/roles.js";

export const styles = await styled(import.meta.url);

/** The page. */
export default function Keys() {
  const keys = useData((signal) => get("/access-keys", {}, { signal }), []);
  const [making, setMaking] = useState(false);
  const [all, setAll] = useState(false);
  const person = Boolean(session.value?.user);
  const lead = may("admin") ? "What programs sign in with: all keys of the account." : "What programs sign in with: the keys that you made.";
  const action = html`<${Button} kind="main" icon="plus" onPress=${() => setMaking(true)}>Make a key</${Button}>`;
  return html`<${Page} title="Access keys" lead=${lead} actions=${person && action}>
    ${!person && html`<${Keyless} />`}
    <${Loaded} of=${keys}>
      ${({ keys: found }) => {
        const revoked = found.filter((key) => key.revoked).length;
        const shown = all ? found : found.filter((key) => !key.revoked);
        return html`<${Panel}>
          ${shown.length > 0 ? html`<${Table} keys=${shown} onChange=${keys.reload} />` : html`<${None} person=${person} />`}
          ${revoked > 0 && html`<${CheckField} label=${`Show ${plural(revoked, "revoked key")} too`} checked=${all} onChange=${setAll} />`}
        </${Panel}>`;
      }}
    </${Loaded}>
    ${making &&
    html`<${MakeKey}
      onClose=${() => {
        setMaking(false);
        keys.reload();
      }}
    />`}
  </${Page}>`;
}

function Keyless() {
  return html`<${Note}>
    <p>This server was started with <code>--keyless</code>: programs on this machine need no key at the moment. Keys are made with <code>walkaround keys make</code>, or here when the server asks people to sign in.</p>
  </${Note}>`;
}

function None({ person }) {
  return html`<${Empty} icon="key" title="No access keys">
    ${person && html`<p>Make one for each camera, script or service, so that each can be stopped alone.</p>`}
  </${Empty}>`;
}

function Table({ keys, onChange }) {
  return html`<table class="keys-table">
    <caption class="unseen">Access keys</caption>
    <thead>
      <tr><th scope="col">Key</th><th scope="col">For</th><th scope="col">Role</th><th scope="col">Made</th><th scope="col"><span class="unseen">Actions</span></th></tr>
    </thead>
    <tbody>${keys.map((key) => html`<${Row} key=${key.id} of=${key} onChange=${onChange} />`)}</tbody>
  </table>`;
}

function Row({ of: key, onChange }) {
  const revoke = async () => {
    const what = key.note ? `“${key.note}”` : key.id;
    const text = "Every program that uses it is refused at once. This cannot be taken back; a new key can be made.";
    if (!(await confirm({ title: `Revoke ${what}?`, text, action: "Revoke" }))) return;
    await send("DELETE", at`/access-keys/${key.id}`);
    say(`The key ${key.id} is revoked.`);
    onChange();
  };
  return html`<tr class=${key.revoked ? "revoked" : ""}>
    <th scope="row"><code>${key.id}</code></th>
    <td data-name="For">${key.note || html`<span class="muted">not told</span>`}</td>
    <td data-name="Role">${roleName(key.role)}</td>
    <td data-name="Made"><span title=${when(key.created)}>${ago(key.created)}</span> <span class="small muted">${maker(key)}</span></td>
    <td class="keys-actions">
      ${key.revoked
        ? html`<${Badge}><span title=${when(key.revoked)}>revoked ${ago(key.revoked)}</span></${Badge}>`
        : session.value?.user && html`<${Button} kind="quiet" onPress=${revoke} aria-label=${`Revoke ${key.id}`}>Revoke</${Button}>`}
    </td>
  </tr>`;
}

function maker(key) {
  if (!key.made_by) return "on the command line";
  return `by ${key.made_by.replace(/^user:/, "")}`;
}
