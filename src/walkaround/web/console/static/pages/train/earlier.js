/** Earlier trainings with their ends. */

import { html } from "../../vendor/preact.js";
import { at } from "../../api.js";
import { duration, when } from "../../formats.js";
import { Link, query } from "../../router.js";
import { Loaded } from "../../ui/data.js";
import { Panel } from "../../ui/page.js";
import { Badge } from "../../ui/state.js";
import { partName, stateWords } from "./words.js";

/**
 * @param {{project: string, trainings: ReturnType<typeof import("../../ui/data.js").useData>}} properties
 */
export function Earlier({ project, trainings }) {
  return html`<${Panel} title="Trainings">
    <${Loaded} of=${trainings}>
      ${({ trainings: all }) => (all.length ? html`<${Table} project=${project} all=${all} />` : html`<p class="muted">Nothing has been trained yet.</p>`)}
    </${Loaded}>
  </${Panel}>`;
}

function Table({ project, all }) {
  const shown = query.value.get("version");
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label="Every training"><table class="trainings stacks">
    <thead><tr><th scope="col">Version</th><th scope="col">Began</th><th scope="col">Took</th><th scope="col">Asked for</th><th scope="col">End</th></tr></thead>
    <tbody>
      ${all.map((one) => {
        const [state, kind] = stateWords(one.state);
        return html`<tr key=${one.version} aria-current=${one.version === shown ? "true" : undefined}>
          <th scope="row"><${Link} to=${`${at`/projects/${project}/train`}?version=${one.version}`}>Version ${one.version}</${Link}></th>
          <td data-name="Began">${when(one.began ?? one.created)}</td>
          <td data-name="Took">${duration(one.seconds)}</td>
          <td data-name="Asked for">${asked(one.options)}</td>
          <td data-name="End"><${Badge} kind=${kind}>${state}</${Badge}>${one.state === "failed" && html`<p class="small">${one.message}</p>`}</td>
        </tr>`;
      })}
    </tbody>
  </table></div>`;
}

/** What was asked of a training, in a few words. */
export function asked({ minutes, quality, parts, multi_label: types }) {
  const words = [];
  if (quality === "best") words.push("best");
  if (parts) words.push(parts.map((part) => partName(part).toLowerCase()).join(" and "));
  if (types === true) words.push("each damage type for itself");
  if (types === false) words.push("damaged or whole");
  if (minutes) words.push(`at most ${minutes} min`);
  return words.join(", ") || "all the labels allow";
}
