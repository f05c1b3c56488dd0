/** Results as rows, the newest first: each with its picture, the verdict, and whether a person agrees. */

import { html, useState } from "../../vendor/preact.js";
import { at } from "../../api.js";
import { ago, kindName, labelName, percent, when } from "../../formats.js";
import { Link } from "../../router.js";
import { Icon } from "../../ui/icon.js";
import { Badge, Verdict } from "../../ui/state.js";

/**
 * @param {{results: any[], project?: string, chosen: Set<number>, onChoose: (chosen: Set<number>) => void, selectable: boolean}} properties
 *   `project`: where the view is of one.
 */
export function Rows({ results, project, chosen, onChoose, selectable }) {
  const all = results.length > 0 && results.every((one) => chosen.has(one.id));
  const choose = (ids, on) => {
    const next = new Set(chosen);
    for (const id of ids) on ? next.add(id) : next.delete(id);
    onChoose(next);
  };
  return html`<table class="results">
    <caption class="unseen">Results, the newest first</caption>
    <thead>
      <tr>
        ${selectable && html`<th scope="col" class="tick"><input type="checkbox" aria-label="Select all that are shown" checked=${all} onChange=${(event) => choose(results.map((one) => one.id), event.currentTarget.checked)} /></th>`}
        <th scope="col" class="thumb"><span class="unseen">Picture</span></th>
        <th scope="col">What the model says</th>
        <th scope="col">A person says</th>
        <th scope="col">Name</th>
        <th scope="col">Looked at</th>
      </tr>
    </thead>
    <tbody>
      ${results.map(
        (one) => html`<${Row} key=${one.id} result=${one} project=${project} selectable=${selectable} chosen=${chosen.has(one.id)} onChoose=${(on) => choose([one.id], on)} />`,
      )}
    </tbody>
  </table>`;
}

function Row({ result, project, selectable, chosen, onChoose }) {
  const name = result.source.split("/").pop() || result.source;
  return html`<tr class=${chosen ? "chosen" : ""}>
    ${selectable && html`<td class="tick"><input type="checkbox" aria-label=${`Select ${name}`} checked=${chosen} onChange=${(event) => onChoose(event.currentTarget.checked)} /></td>`}
    <td class="thumb"><${Link} to=${`/results/${result.id}`} tabindex="-1" aria-hidden="true"><${Thumbnail} result=${result} /></${Link}></td>
    <td class="said">
      <${Verdict} damaged=${result.anomalous} /> <span class="small muted">${percent(result.confidence, 0)} sure</span>
      <div class="small">${kindsOf(result)}</div>
    </td>
    <td class="person"><${Person} result=${result} /></td>
    <td class="name">
      <${Link} to=${`/results/${result.id}`}>${name}</${Link}>
      <div class="small muted">${project ? "" : html`<${Link} to=${at`/projects/${result.project}/results`}>${result.project}</${Link}>, `}version ${result.model}${result.watch ? `, by “${result.watch}”` : ""}</div>
    </td>
    <td class="time small"><time datetime=${result.created} title=${when(result.created)}>${ago(result.created)}</time></td>
  </tr>`;
}

/** A small picture of a result, or what stands for it where there is none. @param {{result: any}} properties */
export function Thumbnail({ result }) {
  const [broken, setBroken] = useState(false);
  const video = "duration" in result.findings;
  if (!result.picture || broken) return html`<span class="no-thumb"><${Icon} name=${video ? "play" : "pictures"} /></span>`;
  const source = `${result.picture}${result.picture.includes("?") ? "&" : "?"}size=256`;
  return html`<span class="thumb-of"><img loading="lazy" decoding="async" src=${source} alt="" onError=${() => setBroken(true)} />${video && html`<${Icon} name="play" />`}</span>`;
}

/** What a person said of a result, beside what the model said. @param {{result: any}} properties */
export function Person({ result }) {
  if (!result.verdict) return html`<span class="muted small">not reviewed</span>`;
  const agrees = (result.verdict === "anomaly") === result.anomalous;
  return html`<${Badge} kind=${agrees ? "good" : "warning"}>${agrees ? "confirmed" : `corrected: ${labelName(result.verdict)}`}</${Badge}>`;
}

/** Kinds of damage of a result in words; for a video also where. */
export function kindsOf(result) {
  const kinds = result.kinds.length ? result.kinds : result.anomalous && !["anomaly", "normal"].includes(result.label) ? [result.label] : [];
  const text = kinds.slice(0, 4).map(kindName).join(", ") + (kinds.length > 4 ? ` and ${kinds.length - 4} more` : "");
  if (!("duration" in result.findings)) return text;
  const spans = result.spans.length === 1 ? "1 damaged stretch" : `${result.spans.length} damaged stretches`;
  return [text, `video, ${spans}`].filter(Boolean).join("; ");
}
