/** What is hosted, running and failed: the lower half of the dashboard. */

import { html, useEffect, useState } from "../../vendor/preact.js";
import { at, get } from "../../api.js";
import { ago, count, plural } from "../../formats.js";
import { Link } from "../../router.js";
import { may } from "../../session.js";
import { Button } from "../../ui/button.js";
import { Panel } from "../../ui/page.js";
import { ProgressBar } from "../../ui/progress.js";
import { Badge } from "../../ui/state.js";
import { doing, progressOf, remedy, shareOf, troubles, whatFailed } from "./words.js";

const STATUS = {
  HOSTED: ["good", "answering"],
  STARTING_HOSTING: ["busy", "starting"],
  STOPPING_HOSTING: ["busy", "stopping"],
  SYSTEM_UPDATING: ["busy", "moving"],
  HOSTING_FAILED: ["failed", "failed"],
};

/** Models that answer, with their units and load. @param {{hosted: any[]}} properties */
export function Hosted({ hosted }) {
  return html`<${Panel} title="Hosted models">
    ${
      hosted.length
        ? html`<div class="scroll-x" tabindex="0" role="region" aria-label="Models that answer">
            <table class="stacks">
              <thead>
                <tr>
                  <th scope="col">Model</th><th scope="col">State</th><th scope="col" class="number">Units</th><th scope="col" class="number">Load</th>
                  <th scope="col" class="number">Pictures</th><th scope="col" class="number">Each takes</th>
                </tr>
              </thead>
              <tbody>${hosted.map((one) => html`<${HostedRow} key=${`${one.project}/${one.version}`} ...${one} />`)}</tbody>
            </table>
          </div>
          <p class="small muted">Load is pictures in work or waiting per unit. Pictures are those since the server started.</p>`
        : html`<p class="muted">No model is hosted: nothing is looked at when it is sent. Start one on the page of its project's models.</p>`
    }
  </${Panel}>`;
}

function HostedRow({ project, version, status, message, units, min_units, max_units, load, pictures, milliseconds }) {
  const [kind, text] = STATUS[status] ?? ["plain", status.toLowerCase()];
  const range = max_units && max_units !== min_units ? ` of ${min_units} to ${max_units}` : "";
  return html`<tr>
    <th scope="row"><${Link} to=${at`/projects/${project}/models/${version}`}>${project}, version ${version}</${Link}>${message && html`<p class="small">${message}</p>`}
      ${status === "HOSTED" && may("manage") && html`<p class="small"><${Link} to=${at`/projects/${project}/try`}>Try it on photos</${Link}></p>`}
    </th>
    <td data-name="State"><${Badge} kind=${kind}>${text}</${Badge}></td>
    <td class="number" data-name="Units">${units}${range}</td>
    <td class="number" data-name="Load">${load.toFixed(1)}</td>
    <td class="number" data-name="Pictures">${count(pictures)}</td>
    <td class="number" data-name="Each takes">${milliseconds === null ? "–" : `${Math.round(milliseconds)} ms`}</td>
  </tr>`;
}

/** Work that goes on. @param {{running: any[]}} properties */
export function Running({ running }) {
  return html`<${Panel} title="Running">
    ${
      running.length
        ? html`<ul class="jobs">${running.map(
            (job) => html`<li key=${job.job}>
              <div class="row spread"><strong>${doing(job)}</strong><${Link} to=${remedy(job).to}>${job.project}</${Link}></div>
              <${ProgressBar} share=${shareOf(job)} text=${progressOf(job)} stage="" />
            </li>`,
          )}</ul>`
        : html`<p class="muted">Nothing is running.</p>`
    }
  </${Panel}>`;
}

/**
 * What failed lately, why, and where one does something about it.
 * @param {{failed: any[], watches: any[], next: string|null}} properties
 */
export function Failures({ failed, watches, next }) {
  const [more, setMore] = useState({ failed: [], next });
  useEffect(() => setMore({ failed: [], next }), [next]);
  const load = async () => {
    const page = await get("/activity/failures", { next: more.next, limit: 20 });
    setMore({ failed: [...more.failed, ...page.failed], next: page.next });
  };
  const all = [...failed, ...more.failed];
  return html`<${Panel} title="What went wrong">
    ${
      all.length || watches.length
        ? html`<ul class="failures">
            ${watches.map(
              (watch) => html`<li key=${watch.spec.name}>
                <div class="row spread"><strong>Watch “${watch.spec.name}”</strong><${Badge} kind="warning">needs a look</${Badge}></div>
                ${troubles(watch).map((text) => html`<p>${text}</p>`)}
                <${Link} to=${`/watches?watch=${watch.spec.name}`}>To the watch</${Link}>
              </li>`,
            )}
            ${all.map((one) => html`<${Failure} key=${`${one.kind} ${one.project} ${one.name} ${one.ended}`} one=${one} />`)}
          </ul>
          ${more.next && html`<${Button} onPress=${load}>Show earlier ones</${Button}>`}`
        : html`<p class="muted">Nothing failed in the last 30 days.</p>`
    }
  </${Panel}>`;
}

function Failure({ one }) {
  const { to, name } = remedy(one);
  return html`<li>
    <div class="row spread"><strong>${whatFailed(one)} of ${one.project}</strong><time datetime=${one.ended} class="small muted">${ago(one.ended)}</time></div>
    <p>${one.error}</p>
    <${Link} to=${to}>${name}</${Link}>
  </li>`;
}

/** A summary for those who hear the page: said when it changes. @param {{running: any[]}} properties */
export function Spoken({ running }) {
  return html`<p class="unseen" role="status">${running.length ? `${plural(running.length, "job")} running.` : "Nothing is running."}</p>`;
}
