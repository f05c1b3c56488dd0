/** One kind of problem: what it means, what to do, and the pictures that it is about. */

import { html, useState } from "../../vendor/preact.js";
import { at, get, send } from "../../api.js";
import { kindName, percent, plural } from "../../formats.js";
import { Link } from "../../router.js";
import { Button } from "../../ui/button.js";
import { useData } from "../../ui/data.js";
import { Panel } from "../../ui/page.js";
import { Badge, Verdict } from "../../ui/state.js";
import { label as setLabel } from "../dataset/changes.js";
import { pictureSource } from "../dataset/tile.js";
import { BADGE, plain, SEVERITY, wordsOf } from "./words.js";

const STRIP = 8;
const FIRST = 3;
const DOUBTS = 12;
const SETTLED = ["label-doubt", "near-two-labels", "near-duplicates", "duplicates", "tiny", "pages", "split-leak"];
const PLACES = { unlabelled: "label", "too-few": "dataset", few: "dataset", imbalance: "dataset", "no-labels": "label", "one-class": "dataset", "normal-only": "dataset", "no-normal": "dataset" };

/** @param {{project: string, kind: string, problem: object, mine: boolean, onChange: () => void}} properties `problem`: as the API tells it. */
export function Problem({ project, kind, problem, mine, onChange }) {
  const words = wordsOf(problem.kind);
  const [whole, setWhole] = useState(false);
  const shown = whole ? problem.messages : problem.messages.slice(0, FIRST);
  const leads = problem.standing !== null;
  const doubts = problem.kind === "label-doubt";
  const title = html`${words.title} ${leads && html`<span class="muted">${plural(problem.standing, "picture")}</span>`}`;
  const gallery = `${at`/projects/${project}/dataset`}?kind=${kind}&flag=${problem.kind}&order=${doubts ? "doubt" : "check"}`;
  return html`<${Panel}
    class="panel check-problem is-${problem.severity}"
    aria-label=${words.title}
    title=${title}
    actions=${html`<${Badge} kind=${BADGE[problem.severity]}>${SEVERITY[problem.severity]}</${Badge}>`}
  >
    <p>${words.why} <strong>${words.act}</strong></p>
    ${!doubts && html`<ul class="small">${shown.map((message) => html`<li>${plain(message)}</li>`)}</ul>`}
    ${!doubts && problem.messages.length > FIRST && html`<${Button} kind="quiet" onPress=${() => setWhole(!whole)}>${whole ? "Show fewer" : `Show ${problem.messages.length - FIRST} more`}</${Button}>`}
    ${leads && (doubts ? html`<${Doubts} project=${project} kind=${kind} mine=${mine} onChange=${onChange} />` : html`<${Strip} project=${project} kind=${kind} flag=${problem.kind} to=${gallery} />`)}
    <div class="row">
      ${leads && html`<${Link} class="button plain" to=${gallery}>Show ${problem.standing === 1 ? "the picture" : `all ${plural(problem.standing, "picture")}`}</${Link}>`}
      ${!leads && PLACES[problem.kind] && html`<${Link} class="button plain" to=${`${at`/projects/${project}`}/${PLACES[problem.kind]}?kind=${kind}`}>${PLACES[problem.kind] === "label" ? "Label pictures" : "Add pictures"}</${Link}>`}
      ${problem.kind === "unlabelled" && html`<${Link} class="button plain" to=${`${at`/projects/${project}/label`}?kind=${kind}`}>Label them</${Link}>`}
      ${mine && leads && SETTLED.includes(problem.kind) && html`<${Button} kind="quiet" onPress=${() => settleAll(project, kind, problem.kind).then(onChange)}>They are right as they are</${Button}>`}
    </div>
  </${Panel}>`;
}

async function settleAll(project, kind, flag) {
  const { ids } = await get(at`/projects/${project}/datasets/${kind}/gallery`, { flag });
  if (ids.length) await send("POST", at`/projects/${project}/datasets/${kind}/check/settled`, { entries: ids, kind: flag });
}

/** The first pictures of a problem. */
function Strip({ project, kind, flag, to }) {
  const told = useData((signal) => get(at`/projects/${project}/datasets/${kind}/gallery`, { flag, order: "check" }, { signal }), [project, kind, flag]);
  const rows = told.value?.rows.slice(0, STRIP) ?? [];
  return html`<ul class="strip">
    ${rows.map(
      (row) => html`<li key=${row.id}>
        <${Link} to=${to} title=${row.name}><img src=${pictureSource(project, kind, row.picture, 256)} alt=${row.name} loading="lazy" /></${Link}>
        ${row.label && html`<${Verdict} damaged=${row.label === "anomaly"} />`}
      </li>`,
    )}
  </ul>`;
}

/** The labels that are most likely wrong, each to be corrected or confirmed at once. */
function Doubts({ project, kind, mine, onChange }) {
  const told = useData((signal) => get(at`/projects/${project}/datasets/${kind}/gallery`, { flag: "label-doubt", order: "doubt" }, { signal }), [project, kind]);
  const [gone, setGone] = useState(new Set());
  const rows = (told.value?.rows ?? []).filter((row) => !gone.has(row.id)).slice(0, DOUBTS);
  const act = async (row, doing) => {
    await doing();
    setGone((former) => new Set([...former, row.id]));
    if (rows.length === 1) onChange();
  };
  return html`<ul class="doubts">
    ${rows.map(
      (row) => html`<li key=${row.id}>
        <img src=${pictureSource(project, kind, row.picture, 512)} alt=${row.name} loading="lazy" />
        <p class="small"><strong>${row.name}</strong><br />labelled ${kindName(row.label)}, looks ${kindName(row.suggests)} <span class="muted">(${percent(row.doubt, 0)})</span></p>
        ${mine &&
        html`<div class="row">
          <${Button} onPress=${() => act(row, () => setLabel(project, kind, [row.id], row.suggests))}>It is ${kindName(row.suggests)}</${Button}>
          <${Button} kind="quiet" onPress=${() => act(row, () => send("POST", at`/projects/${project}/datasets/${kind}/check/settled`, { entries: [row.id], kind: "label-doubt" }))}>It is ${kindName(row.label)}</${Button}>
        </div>`}
      </li>`,
    )}
  </ul>`;
}
