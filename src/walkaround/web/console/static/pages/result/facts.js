/** What is known of a result: the model's answer in words and numbers, and where the picture came from. */

import { html } from "../../vendor/preact.js";
import { at } from "../../api.js";
import { duration, kindName, percent, when } from "../../formats.js";
import { Link } from "../../router.js";
import { Panel } from "../../ui/page.js";
import { Verdict } from "../../ui/state.js";
import { kindsOf } from "../results/rows.js";

/** The answer. @param {{result: any}} properties */
export function Answer({ result }) {
  const { findings } = result;
  const classes = Object.entries(findings.probabilities ?? {}).sort((a, b) => b[1] - a[1]);
  const told = findings.kinds; // of a model that tells each kind for itself
  return html`<${Panel} title="What the model says">
    <p class="answer"><${Verdict} damaged=${result.anomalous} /> <strong>${percent(result.confidence)}</strong> sure</p>
    ${kindsOf(result) && html`<p>${kindsOf(result)}</p>`}
    ${findings.error && html`<p class="problem">${findings.error}</p>`}
    <table class="classes">
      <caption class="unseen">Probability of each class</caption>
      <tbody>
        ${classes.slice(0, 8).map(
          ([name, share]) => html`<tr key=${name} class=${told && name in told ? "told" : ""}>
            <th scope="row">${kindName(name)}</th>
            <td class="share"><span class="bar"><span style=${{ width: `${share * 100}%` }}></span></span></td>
            <td class="number">${percent(share)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
    ${told && html`<p class="small muted">Each kind of damage is told for itself, so these do not add up to 100 %.</p>`}
    <${Places} findings=${findings} />
  </${Panel}>`;
}

function Places({ findings }) {
  const boxes = findings.boxes ?? [];
  const areas = Object.entries(findings.areas ?? {});
  if (!boxes.length && !areas.length) return null;
  return html`<ul class="places">
    ${boxes.map((one, index) => html`<li key=${index}>${kindName(one.label)}, ${percent(one.score, 0)} sure, ${Math.round(one.box[2] - one.box[0])} × ${Math.round(one.box[3] - one.box[1])} pixels</li>`)}
    ${areas.map(([name, share]) => html`<li key=${name}>${kindName(name)}: ${percent(share)} of the picture</li>`)}
  </ul>`;
}

/** Where it came from. @param {{result: any}} properties */
export function Origin({ result }) {
  const { findings } = result;
  const video = "duration" in findings;
  const rows = [
    ["Looked at", html`<time datetime=${result.created}>${when(result.created)}</time>`],
    ["Model", html`<${Link} to=${at`/projects/${result.project}/models/${result.model}`}>${result.project}, version ${result.model}</${Link}>`],
    ["Came by", result.watch ? html`the watch <${Link} to=${`/watches?watch=${result.watch}`}>${result.watch}</${Link}>` : "being sent to the server"],
    ["Name", html`<span class="source">${result.source}</span>`],
    ["Size", `${findings.width} × ${findings.height} pixels`],
    ...(video ? [["Length", duration(findings.duration)], ["Frames looked at", findings.frames]] : []),
    ["Picture", result.kept ? "kept with the result" : result.picture ? "where it arrived" : "not kept"],
  ];
  return html`<${Panel} title="Where it came from">
    <dl class="facts">${rows.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
  </${Panel}>`;
}
