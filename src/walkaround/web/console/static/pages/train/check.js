/** What the check of the dataset found, before anything is trained on it: told first, and never in the way. */

import { html, useState } from "../../vendor/preact.js";
import { at, get, Problem, send } from "../../api.js";
import { ago, plural } from "../../formats.js";
import { Link } from "../../router.js";
import { may } from "../../session.js";
import { Button } from "../../ui/button.js";
import { Loaded, useData } from "../../ui/data.js";
import { Panel } from "../../ui/page.js";
import { JobProgress } from "../../ui/progress.js";
import { Badge, Note } from "../../ui/state.js";
import { BADGE, plain, SEVERITY } from "../check/words.js";

const SHOWN = 4;

/**
 * The check of the training pictures.
 * @param {{project: string}} properties
 */
export function CheckFirst({ project }) {
  const path = at`/projects/${project}/datasets/train/check`;
  const check = useData((signal) => get(path, {}, { signal }).catch(none), [path]);
  const begin = async () => check.set(await send("POST", path, {}));
  return html`<${Panel} title="What the check says" actions=${html`<${Link} to=${at`/projects/${project}/check`}>To the check</${Link}>`}>
    <${Loaded} of=${check}>${(told) => html`<${Told} told=${told} onBegin=${begin} onEnd=${check.reload} project=${project} />`}</${Loaded}>
  </${Panel}>`;
}

/** No check was made yet. */
function none(problem) {
  if (problem instanceof Problem && problem.status === 404) return null;
  throw problem;
}

function Told({ told, onBegin, onEnd, project }) {
  const begin = may("manage") && html`<${Button} icon="check" onPress=${onBegin}>${told?.report ? "Check again" : "Check now"}</${Button}>`;
  if (told?.job && told.status === "RUNNING") return html`<p>The pictures are being checked.</p><${JobProgress} job=${told.job} first="Getting ready to look at the pictures" onEnd=${onEnd} />`;
  const report = told?.report;
  if (!report) {
    return html`<p class="muted">
        Nobody has checked these pictures yet. The check finds broken files, copies, likely wrong labels, and shortcuts that a model would learn instead of damage.
        Training works without it.${may("manage") ? "" : " To begin one, your role has to be “manage”."}
      </p>
      ${told?.message && html`<p class="problem">${told.message}</p>`}${begin}`;
  }
  const standing = report.problems.filter((one) => one.standing !== 0);
  const grave = standing.filter((one) => one.severity !== "note");
  return html`${report.outdated &&
    html`<${Note}><p>The pictures or labels have changed since the check, ${ago(report.ended)}. ${begin}</p></${Note}>`}
    ${grave.length
      ? html`<${Problems} problems=${grave} project=${project} />`
      : html`<${Note} kind="good"><p>Nothing was found that would spoil training. Checked ${ago(report.ended)}: ${plural(report.pictures, "picture")}.</p></${Note}>`}`;
}

function Problems({ problems, project }) {
  const [all, setAll] = useState(false);
  const shown = all ? problems : problems.slice(0, SHOWN);
  return html`<ul class="findings">
      ${shown.map((one) => {
        return html`<li key=${one.kind}>
          <${Badge} kind=${BADGE[one.severity]}>${SEVERITY[one.severity]}</${Badge}>
          <div>
            <p>${plain(one.messages[0])}</p>
            ${one.pictures > 0 &&
            html`<${Link} to=${`${at`/projects/${project}/dataset`}?kind=train&flag=${encodeURIComponent(one.kind)}`}>${plural(one.standing ?? one.pictures, "picture")}</${Link}>`}
          </div>
        </li>`;
      })}
    </ul>
    ${problems.length > SHOWN && html`<${Button} kind="quiet" onPress=${() => setAll(!all)}>${all ? "Show fewer" : `Show all ${problems.length}`}</${Button}>`}
    <p class="small muted">You can train all the same; correcting these first gives a better model.</p>`;
}
