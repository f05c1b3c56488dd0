/** Deleting old results of a project, for good. */

import { html, useState } from "../../vendor/preact.js";
import { at, send } from "../../api.js";
import { plural } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { TextField } from "../../ui/field.js";
import { say } from "../../ui/toast.js";
import { midnight } from "./wanted.js";

/** @param {{project: string, onClose: () => void, onDone: () => unknown}} properties */
export function Removal({ project, onClose, onDone }) {
  const [day, setDay] = useState("");
  const before = midnight(day);
  const remove = async () => {
    const gone = await send("DELETE", at`/projects/${project}/results`, undefined, { query: { before } });
    say(`${plural(gone.deleted, "result")} deleted.`);
    onClose();
    await onDone();
  };
  return html`<${Dialog} title="Delete old results" onClose=${onClose}>
    <p>Deletes the results of <strong>${project}</strong> that were looked at before a day, with pictures kept with them. The sums of the dashboard stay. This cannot be taken back.</p>
    <${TextField} label="Before" type="date" value=${day} onInput=${setDay} />
    <p class="small muted">To have it done by itself, give a watch “keep for … days”; the setting keep_results_days does so for all others.</p>
    <div class="row end"><${Button} onPress=${onClose}>Cancel</${Button}><${Button} kind="danger" disabled=${!before} onPress=${remove}>Delete for good</${Button}></div>
  </${Dialog}>`;
}
