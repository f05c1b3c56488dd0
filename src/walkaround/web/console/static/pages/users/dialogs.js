/** Windows in which a user is added, or given another password. */

import { html, useState } from "../../vendor/preact.js";
import { at, send } from "../../api.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { Field, SelectField, TextField } from "../../ui/field.js";
import { Icon } from "../../ui/icon.js";
import { Snippet } from "../../ui/snippet.js";
import { useSubmit } from "../sign-in/door.js";
import { checkName } from "./names.js";
import { madeUp, SHORTEST } from "./passwords.js";
import { options } from "./roles.js";

/**
 * Add a user.
 * @param {{onClose: () => void, onDone: () => void}} properties
 */
export function AddUser({ onClose, onDone }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("manage");
  const [password, setPassword] = useState(madeUp);
  const [made, setMade] = useState(null);
  const form = useSubmit(async () => {
    checkName(name);
    setMade(await send("POST", "/users", { name, role, password }));
  });
  if (made) return html`<${Told} title=${`${made.name} can sign in`} name=${made.name} password=${password} onDone=${onDone} />`;
  return html`<${Dialog} title="Add a user" onClose=${onClose}>
    <form onSubmit=${form.submit}>
      <${Problem} of=${form.problem} />
      <${TextField} label="Name" hint="A short name or an e-mail address." value=${name} onInput=${setName} autofocus autocomplete="off" autocapitalize="none" spellcheck="false" required />
      <${SelectField} label="Role" value=${role} options=${options()} onChange=${setRole} />
      <${Password} value=${password} onInput=${setPassword} />
      <${Foot} action="Add" busy=${form.busy} onClose=${onClose} />
    </form>
  </${Dialog}>`;
}

/**
 * Give somebody another password.
 * @param {{name: string, onClose: () => void, onDone: () => void}} properties
 */
export function NewPassword({ name, onClose, onDone }) {
  const [password, setPassword] = useState(madeUp);
  const [made, setMade] = useState(false);
  const form = useSubmit(async () => {
    await send("PUT", at`/users/${name}/password`, { password });
    setMade(true);
  });
  if (made) return html`<${Told} title=${`${name} has a new password`} name=${name} password=${password} onDone=${onDone} />`;
  return html`<${Dialog} title=${`New password for ${name}`} onClose=${onClose}>
    <form onSubmit=${form.submit}>
      <p>${name} is signed out everywhere, and signs in with the new password.</p>
      <${Problem} of=${form.problem} />
      <${Password} value=${password} onInput=${setPassword} />
      <${Foot} action="Set the password" busy=${form.busy} onClose=${onClose} />
    </form>
  </${Dialog}>`;
}

function Password({ value, onInput }) {
  const hint = `At least ${SHORTEST} characters. This one was made up for you; it can be changed after the first sign-in.`;
  return html`<${Field} label="Password" hint=${hint}>
    ${(attributes) => html`<div class="users-password">
      <input class="input" type="text" value=${value} onInput=${(event) => onInput(event.currentTarget.value)} autocomplete="off" autocapitalize="none" spellcheck="false" minlength=${SHORTEST} required ...${attributes} />
      <${Button} onPress=${() => onInput(madeUp())}>Another one</${Button}>
    </div>`}
  </${Field}>`;
}

function Told({ title, name, password, onDone }) {
  return html`<${Dialog} title=${title} onClose=${onDone}>
    <p>Pass these on. The password is shown this once.</p>
    <${Snippet} label="Name and password" code=${`${location.origin}/console/\n${name}\n${password}`} />
    <div class="row end"><${Button} kind="main" onPress=${onDone}>Done</${Button}></div>
  </${Dialog}>`;
}

/** What went wrong, inside a form. */
export function Problem({ of }) {
  return of && html`<p class="problem" role="alert"><${Icon} name="failed" /> ${of.message}</p>`;
}

/**
 * The buttons below a form in a window.
 * @param {{action: string, kind?: "main"|"danger", busy: boolean, onClose: () => void}} properties
 */
export function Foot({ action, kind = "main", busy, onClose }) {
  return html`<div class="row end">
    <${Button} onPress=${onClose}>Cancel</${Button}>
    <button type="submit" class="button ${kind}" disabled=${busy} aria-busy=${busy}>${action}</button>
  </div>`;
}
