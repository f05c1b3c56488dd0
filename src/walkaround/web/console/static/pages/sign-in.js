/** Signing in with a name and a password. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { send } from "../api.js";
import { go, query } from "../router.js";
import { session, take } from "../session.js";
import { TextField } from "../ui/field.js";
import { Icon } from "../ui/icon.js";
import { Door, Submit, useSubmit } from "./sign-in/door.js";

export { styles } from "./sign-in/door.js";

/** The page. */
export default function SignIn() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const inside = session.value?.role;
  useEffect(() => {
    if (inside) go(wanted(), { replace: true });
  }, [inside]);
  const form = useSubmit(async () => {
    try {
      take(await send("POST", "/session", { name, password }));
    } catch (problem) {
      setPassword("");
      throw problem;
    }
  });
  return html`<${Door} title="Sign in">
    <form onSubmit=${form.submit}>
      ${form.problem && html`<p class="problem" role="alert"><${Icon} name="failed" /> ${form.problem.message}</p>`}
      <${TextField} label="Name" value=${name} onInput=${setName} name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus />
      <${TextField} label="Password" type="password" value=${password} onInput=${setPassword} name="password" autocomplete="current-password" required />
      <${Submit} busy=${form.busy}>Sign in</${Submit}>
    </form>
    <p class="small muted">Forgotten? An administrator can give you a new password on the page Users, or on the server with <code>walkaround users password NAME</code>.</p>
  </${Door}>`;
}

/** Where the reader wanted to go; within the console, whatever the address says. */
function wanted() {
  const next = query.value.get("next") ?? "/";
  return next.startsWith("/") && !next.startsWith("/sign-in") && !next.startsWith("/setup") ? next : "/";
}
