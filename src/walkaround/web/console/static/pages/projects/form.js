/** A project is made by its name; what it is for is told by the pictures that come into it. */

import { html, useState } from "../../vendor/preact.js";
import { at, send } from "../../api.js";
import { go } from "../../router.js";
import { TextField } from "../../ui/field.js";
import { useSubmit } from "../sign-in/door.js";
import { Problem } from "../users/dialogs.js";
import { projectName } from "./names.js";

/**
 * The form; afterwards the reader is on the page where pictures are added.
 * @param {{action?: string, autofocus?: boolean}} properties
 */
export function NewProject({ action = "Make the project", autofocus = false }) {
  const [typed, setTyped] = useState("");
  const name = projectName(typed);
  const form = useSubmit(async () => {
    await send("POST", "/projects", { name });
    await send("POST", at`/projects/${name}/datasets`, { kind: "train" });
    go(at`/projects/${name}/dataset`);
  });
  const hint = typed && name !== typed ? html`It will be called <strong>${name || "…"}</strong>.` : "Such as fleet-2026. Letters, digits, hyphens.";
  return html`<form onSubmit=${form.submit}>
    <${Problem} of=${form.problem} />
    <${TextField} label="Name of the project" hint=${hint} value=${typed} onInput=${setTyped} autofocus=${autofocus} autocomplete="off" spellcheck="false" required />
    <button type="submit" class="button main" disabled=${form.busy || !name} aria-busy=${form.busy}>${action}</button>
  </form>`;
}
