/** The first visit: whoever has the link that the server printed becomes its administrator. */

import { html, useState } from "../vendor/preact.js";
import { get, send } from "../api.js";
import { go, Link } from "../router.js";
import { take } from "../session.js";
import { Loaded, useData } from "../ui/data.js";
import { CheckField, TextField } from "../ui/field.js";
import { Icon } from "../ui/icon.js";
import { checkName } from "./users/names.js";
import { SHORTEST } from "./users/passwords.js";
import { Door, Submit, useSubmit } from "./sign-in/door.js";

export { styles } from "./sign-in/door.js";

const KEPT = "walkaround-setup";

// The token opens the door once; it is nothing to be kept in the browser's history, but a reload of this tab needs it again.
if (location.hash.length > 1) {
  sessionStorage.setItem(KEPT, location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}
const token = sessionStorage.getItem(KEPT);

/** The page. */
export default function Setup() {
  const told = useData((signal) => get("/session", {}, { signal }), []);
  return html`<${Loaded} of=${told}>
    ${(session) => {
      if (session.keyless) return html`<${Over} text="This server runs without sign-in, so there is nothing to set up." to="/" link="To the console" />`;
      if (!session.setup) return html`<${Over} text="The first user was made already." to="/sign-in" link="Sign in" />`;
      return token ? html`<${FirstUser} />` : html`<${NoLink} />`;
    }}
  </${Loaded}>`;
}

function FirstUser() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [shown, setShown] = useState(false);
  const form = useSubmit(async () => {
    checkName(name);
    take(await send("POST", "/setup", { token, name, password }));
    sessionStorage.removeItem(KEPT);
    go("/", { replace: true });
  });
  return html`<${Door} title="Welcome">
    <p>You are the first here, so you become the administrator. You can let others in afterwards.</p>
    <form onSubmit=${form.submit}>
      ${form.problem && html`<p class="problem" role="alert"><${Icon} name="failed" /> ${form.problem.message}</p>`}
      <${TextField} label="Your name" hint="A short name or an e-mail address; you sign in with it." value=${name} onInput=${setName} name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus />
      <${TextField} label="Password" hint=${`At least ${SHORTEST} characters. A few words in a row are good.`} type=${shown ? "text" : "password"} value=${password} onInput=${setPassword} name="password" autocomplete="new-password" minlength=${SHORTEST} required />
      <${CheckField} label="Show the password" checked=${shown} onChange=${setShown} />
      <${Submit} busy=${form.busy}>Begin</${Submit}>
    </form>
  </${Door}>`;
}

function NoLink() {
  return html`<${Door} title="Nobody is here yet">
    <p>This server waits for its first user. Open the link that <code>walkaround serve</code> printed when it started: it ends with a long key after <code>#</code>.</p>
    <p class="small muted">It is not there any more? Start the server again, and it prints a new one, or make a user with <code>walkaround users make NAME</code>.</p>
  </${Door}>`;
}

function Over({ text, to, link }) {
  return html`<${Door} title="All is set up"><p>${text}</p><p><${Link} to=${to} class="button main door-submit">${link}</${Link}></p></${Door}>`;
}
