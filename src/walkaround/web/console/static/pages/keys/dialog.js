/** A window in which an access key is made, and its secrets are shown once. */

import { html, useState } from "../../vendor/preact.js";
import { send } from "../../api.js";
import { session } from "../../session.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { SelectField, TextField } from "../../ui/field.js";
import { Snippet } from "../../ui/snippet.js";
import { Note } from "../../ui/state.js";
import { useSubmit } from "../sign-in/door.js";
import { Foot, Problem } from "../users/dialogs.js";
import { options } from "../users/roles.js";

/**
 * The window.
 * @param {{onClose: () => void}} properties
 */
export function MakeKey({ onClose }) {
  const most = session.value?.role ?? "read";
  const [note, setNote] = useState("");
  const [role, setRole] = useState(most === "read" ? "read" : "detect");
  const [made, setMade] = useState(null);
  const form = useSubmit(async () => setMade(await send("POST", "/access-keys", { role, note })));
  if (made) return html`<${Made} made=${made} onClose=${onClose} />`;
  return html`<${Dialog} title="Make an access key" onClose=${onClose}>
    <form onSubmit=${form.submit}>
      <${Problem} of=${form.problem} />
      <${TextField} label="What is it for?" hint="Such as “camera at the gate”." value=${note} onInput=${setNote} maxlength="200" autofocus autocomplete="off" />
      <${SelectField} label="What may it do?" value=${role} options=${options(most)} onChange=${setRole} />
      <${Foot} action="Make the key" busy=${form.busy} onClose=${onClose} />
    </form>
  </${Dialog}>`;
}

function Made({ made, onClose }) {
  const rest = `curl -H "Authorization: Bearer ${made.token}" ${location.origin}/api/v1/projects`;
  const aws = [
    `export AWS_ACCESS_KEY_ID=${made.id}`,
    `export AWS_SECRET_ACCESS_KEY=${made.secret}`,
    `export AWS_ENDPOINT_URL_LOOKOUTVISION=${location.origin}`,
  ].join("\n");
  return html`<${Dialog} title="Copy the key now" onClose=${onClose} wide>
    <${Note} kind="warning"><p>The secrets are shown this once. Keep them where you keep passwords.</p></${Note}>
    <h3>For the REST API: a token</h3>
    <${Snippet} label="Token" code=${made.token} />
    <${Snippet} label="Example with curl" code=${rest} />
    <h3>For AWS' clients: an id and a secret</h3>
    <${Snippet} label="Variables for AWS' clients" code=${aws} />
    <div class="row end"><${Button} kind="main" onPress=${onClose}>I have copied them</${Button}></div>
  </${Dialog}>`;
}
