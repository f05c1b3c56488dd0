/** One's own account: who one is, and another password. */

import { html, useState } from "../vendor/preact.js";
import { send } from "../api.js";
import { when } from "../formats.js";
import { session, take } from "../session.js";
import { TextField } from "../ui/field.js";
import { Page, Panel } from "../ui/page.js";
import { Note } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { say } from "../ui/toast.js";
import { useSubmit } from "./sign-in/door.js";
import { Problem } from "./users/dialogs.js";
import { SHORTEST } from "./users/passwords.js";
import { ROLES } from "./users/roles.js";

export const styles = await styled(import.meta.url);

/** The page. */
export default function Account() {
  const told = session.value;
  if (!told?.user) {
    return html`<${Page} title="Your account"><${Note}><p>This server asks nobody who they are, so there is no account.</p></${Note}></${Page}>`;
  }
  const [, role, meaning] = ROLES.find(([one]) => one === told.role) ?? [null, told.role, ""];
  return html`<${Page} title="Your account">
    <${Panel} title=${told.user}>
      <p>Your role is <strong>${role}</strong>: ${meaning}.</p>
      <p class="muted">You are signed in until ${when(told.ends)} at the latest; sooner, if you do not use the console for some hours.</p>
    </${Panel}>
    <${Panel} title="Change your password"><${NewPassword} user=${told.user} /></${Panel}>
  </${Page}>`;
}

function NewPassword({ user }) {
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const form = useSubmit(async () => {
    take(await send("POST", "/session/password", { current, password }));
    setCurrent("");
    setPassword("");
    say("Your password is changed. All your other browsers are signed out.");
  });
  return html`<form class="account-form" onSubmit=${form.submit}>
    <${Problem} of=${form.problem} />
    <input type="text" name="username" value=${user} autocomplete="username" hidden readonly />
    <${TextField} label="Current password" type="password" value=${current} onInput=${setCurrent} autocomplete="current-password" required />
    <${TextField} label="New password" hint=${`At least ${SHORTEST} characters. A few words in a row are good.`} type="password" value=${password} onInput=${setPassword} autocomplete="new-password" minlength=${SHORTEST} required />
    <button type="submit" class="button main" disabled=${form.busy} aria-busy=${form.busy}>Change the password</button>
  </form>`;
}
