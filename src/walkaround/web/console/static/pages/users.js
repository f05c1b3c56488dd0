/** Who may sign in, and what they may do there. */

import { html, useState } from "../vendor/preact.js";
import { at, get, send } from "../api.js";
import { ago, plural, when } from "../formats.js";
import { may, session } from "../session.js";
import { Button } from "../ui/button.js";
import { Loaded, useData } from "../ui/data.js";
import { confirm } from "../ui/dialog.js";
import { Menu } from "../ui/menu.js";
import { Page, Panel } from "../ui/page.js";
import { Badge, Note } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { failed, say } from "../ui/toast.js";
import { AddUser, NewPassword } from "./users/dialogs.js";
import { ROLES, roleName } from "./users/roles.js";

export const styles = await styled(import.meta.url);

/** The page. */
export default function Users() {
  if (!may("admin")) return html`<${NotHere} />`;
  return html`<${List} />`;
}

function NotHere() {
  const keyless = session.value?.keyless;
  return html`<${Page} title="Users">
    <${Note}>
      ${keyless
        ? html`<p>This server was started with <code>--keyless</code> and asks nobody who they are. Start it without, and it prints a link that makes the first user.</p>`
        : html`<p>Only administrators see and change users. Ask one of them.</p>`}
    </${Note}>
  </${Page}>`;
}

function List() {
  const users = useData((signal) => get("/users", {}, { signal }), []);
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const done = () => {
    close();
    users.reload();
  };
  return html`<${Page} title="Users" lead="Everybody who can sign in, and what they may do." actions=${html`<${Button} kind="main" icon="plus" onPress=${() => setOpen("add")}>Add a user</${Button}>`}>
    <${Loaded} of=${users}>
      ${({ users: all }) => html`<${Panel}>
        <table class="users-table">
          <caption class="unseen">Users</caption>
          <thead>
            <tr><th scope="col">Name</th><th scope="col">Role</th><th scope="col">Last sign-in</th><th scope="col"><span class="unseen">Actions</span></th></tr>
          </thead>
          <tbody>${all.map((one) => html`<${Row} key=${one.name} user=${one} onChange=${users.reload} onPassword=${() => setOpen(one.name)} />`)}</tbody>
        </table>
      </${Panel}>`}
    </${Loaded}>
    <${Meanings} />
    ${open === "add" && html`<${AddUser} onClose=${close} onDone=${done} />`}
    ${open !== null && open !== "add" && html`<${NewPassword} name=${open} onClose=${close} onDone=${done} />`}
  </${Page}>`;
}

function Row({ user, onChange, onPassword }) {
  const self = user.name === session.value?.user;
  const setRole = async (select) => {
    const role = select.value;
    if (self && !(await confirm({ title: "Change your own role?", text: "You will not be an administrator any more, and cannot take it back yourself.", action: "Change it" }))) {
      select.value = user.role;
      return;
    }
    try {
      await send("PATCH", at`/users/${user.name}`, { role });
      say(`${user.name} is ${roleName(role).toLowerCase()} now.`);
    } catch (problem) {
      select.value = user.role;
      failed(problem);
    }
    onChange();
  };
  const remove = async () => {
    const text = `${user.name} is signed out everywhere and cannot sign in any more. Access keys that ${user.name} made stop working. What ${user.name} labelled and trained stays.`;
    if (!(await confirm({ title: `Remove ${user.name}?`, text, action: "Remove" }))) return;
    const { revoked_keys: keys } = await send("DELETE", at`/users/${user.name}`);
    say(`${user.name} was removed${keys ? `, and ${plural(keys, "access key")} revoked` : ""}.`);
    onChange();
  };
  return html`<tr>
    <th scope="row"><span class="users-name">${user.name}</span>${self && html` <${Badge}>you</${Badge}>`}</th>
    <td data-name="Role">
      <select class="input" aria-label=${`Role of ${user.name}`} onChange=${(event) => setRole(event.currentTarget)}>
        ${ROLES.map(([role, name]) => html`<option key=${role} value=${role} selected=${role === user.role}>${name}</option>`)}
      </select>
    </td>
    <td data-name="Last sign-in">
      <span title=${when(user.signed_in)}>${user.signed_in ? ago(user.signed_in) : "never"}</span>
      ${user.sessions > 0 && html`<span class="small muted"> · signed in on ${plural(user.sessions, "browser")}</span>`}
    </td>
    <td class="users-actions">
      <${Menu}
        label=${html`<span>Actions<span class="unseen"> for ${user.name}</span></span>`}
        items=${[
          { name: "New password …", hint: "Signs out everywhere", act: onPassword },
          { name: "Remove …", act: remove },
        ]}
      />
    </td>
  </tr>`;
}

function Meanings() {
  return html`<${Panel} title="What the roles may do">
    <dl class="users-roles">
      ${ROLES.map(([role, name, meaning]) => html`<div key=${role}><dt>${name}</dt><dd>${meaning}</dd></div>`)}
    </dl>
  </${Panel}>`;
}
