/** What another version says of the same pictures: better or worse, and which verdicts changed. */

import { html } from "../../vendor/preact.js";
import { at, get } from "../../api.js";
import { plural } from "../../formats.js";
import { Link } from "../../router.js";
import { Loaded, useData } from "../../ui/data.js";
import { Figure, Panel } from "../../ui/page.js";
import { Note } from "../../ui/state.js";
import { Grid } from "./grid.js";

/** @param {{project: string, trial: any, onOpen: (picture: string) => void}} properties `trial.same_as` is the other one. */
export function Changes({ project, trial, onOpen }) {
  const inputs = [trial.name, trial.same_as, trial.predicted, trial.verified];
  const data = useData((signal) => get(at`/projects/${project}/trials/${trial.name}/comparison`, { with: trial.same_as }, { signal }), inputs);
  return html`<${Panel} title=${`Compared with ${trial.same_as}`}>
    <${Loaded} of=${data}>
      ${(found) => html`${found.verified > 0 &&
        html`<div class="figures">
          <${Figure} name=${`Version ${found.model} is right in`} value=${`${found.right} of ${found.verified}`} hint="verified pictures" />
          <${Figure} name=${`Version ${found.other_model} was right in`} value=${`${found.right_before} of ${found.verified}`} hint=${html`<${Link} to=${at`/projects/${project}/try/${trial.same_as}`}>${trial.same_as}</${Link}>`} />
          <${Figure} name="Verdicts that changed" value=${found.changed.length} hint=${`of ${plural(found.pictures, "picture")}`} />
        </div>`}
        ${found.changed.some((one) => one.seen) && html`<${Note}><p>Some of these pictures were added to the datasets, so a version may have learnt from them. Pictures that it has never seen tell more.</p></${Note}>`}
        ${found.changed.length ? html`<${Grid} pictures=${found.changed} onOpen=${onOpen} before=${true} />` : html`<p class="muted">${found.pictures ? "No verdict changed." : "There is nothing to compare yet."}</p>`}`}
    </${Loaded}>
  </${Panel}>`;
}
