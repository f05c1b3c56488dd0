/** What is wrong with the pictures of a project, as things to act on, each leading to its pictures. */

import { html, useState } from "../vendor/preact.js";
import { at, get, send } from "../api.js";
import { ago, count, kindName, plural, when } from "../formats.js";
import { Link, query, setQuery } from "../router.js";
import { may } from "../session.js";
import { Button } from "../ui/button.js";
import { useData } from "../ui/data.js";
import { CheckField, Choice } from "../ui/field.js";
import { Figure, Page } from "../ui/page.js";
import { JobProgress } from "../ui/progress.js";
import { Empty, Failed, Loading, Note } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { Problem } from "./check/problem.js";

export const styles = await styled(import.meta.url);

const MISSING = 404;
const WITH_LABELS_KEY = "walkaround.check.labels";

/** @param {{project: string}} properties */
export default function Check({ project }) {
  const kind = query.value.get("kind") === "test" ? "test" : "train";
  const sets = useData((signal) => get(at`/projects/${project}/datasets`, {}, { signal }), [project]);
  const told = useData((signal) => newest(project, kind, signal), [project, kind]);
  const mine = may("manage");
  const total = (one) => sets.value?.find((set) => set.kind === one)?.total ?? 0;
  const tabs = ["train", "test"].map((one) => [one, html`${one === "test" ? "Test" : "Training"} <span class="muted">${count(total(one))}</span>`]);
  const check = told.value;
  const start = async (labels) => {
    told.set({ ...check, ...(await send("POST", at`/projects/${project}/datasets/${kind}/check`, { labels })) });
  };
  return html`<${Page} title="Check" lead="Everything about the pictures that would spoil a model or its scores.">
    <div class="row spread check-head">
      <${Choice} label="Dataset" value=${kind} options=${tabs} onChange=${(next) => setQuery({ kind: next === "train" ? null : next })} />
      ${mine && check?.report && check.status !== "RUNNING" && html`<${Begin} again=${true} onStart=${start} />`}
    </div>
    ${told.problem && html`<${Failed} problem=${told.problem} onRetry=${told.reload} />`}
    ${!check && !told.problem && html`<${Loading} />`}
    ${check?.status === "RUNNING" && html`<${Running} project=${project} kind=${kind} check=${check} mine=${mine} onEnd=${told.reload} />`}
    ${check?.status === "FAILED" && html`<${Note} kind="failed"><p>The last check came to nothing. ${check.message}</p></${Note}>`}
    ${check?.report && html`<${Report} key=${check.report.ended} project=${project} kind=${kind} report=${check.report} mine=${mine} onChange=${told.reload} />`}
    ${check && !check.report && check.status !== "RUNNING" && html`<${Never} project=${project} kind=${kind} total=${total(kind)} mine=${mine} onStart=${start} />`}
  </${Page}>`;
}

/** The newest check; {} where there was none. */
async function newest(project, kind, signal) {
  try {
    return await get(at`/projects/${project}/datasets/${kind}/check`, {}, { signal });
  } catch (problem) {
    if (problem.status !== MISSING) throw problem;
    await get(at`/projects/${project}`, {}, { signal }); // a project that is not there is a problem
    return { status: null, report: null };
  }
}

function Begin({ again, onStart }) {
  const [labels, setLabels] = useState(localStorage.getItem(WITH_LABELS_KEY) !== "no");
  const choose = (on) => {
    localStorage.setItem(WITH_LABELS_KEY, on ? "yes" : "no");
    setLabels(on);
  };
  return html`<div class="row">
    <${CheckField} label="Look for wrong labels too" checked=${labels} onChange=${choose} />
    <${Button} kind="main" icon="check" onPress=${() => onStart(labels)}>${again ? "Check again" : "Check now"}</${Button}>
  </div>`;
}

function Running({ project, kind, check, mine, onEnd }) {
  return html`<section class="panel" aria-label="Check under way">
    <${JobProgress} job=${check.job} first="Getting ready to look at the pictures" onEnd=${onEnd} />
    <div class="row spread">
      <p class="small muted">You can leave this page; the check goes on.${check.labels ? " Looking for wrong labels takes most of the time; trainings use it again." : ""}</p>
      ${mine && html`<${Button} icon="stop" onPress=${() => send("DELETE", at`/projects/${project}/datasets/${kind}/check`)}>Stop</${Button}>`}
    </div>
  </section>`;
}

function Never({ project, kind, total, mine, onStart }) {
  if (!total) {
    return html`<${Empty} icon="check" title="There is nothing to check yet">
      <p>This dataset has no pictures.</p>
      <${Link} class="button main" to=${`${at`/projects/${project}/dataset`}?kind=${kind}`}>Add pictures</${Link}>
    </${Empty}>`;
  }
  return html`<${Empty} icon="check" title="Not checked yet">
    <p>A check looks at every picture: broken and tiny ones, copies, the same car in training and test, labels that are likely wrong, and shortcuts that a model could take.</p>
    ${mine && html`<div class="row centred"><${Begin} again=${false} onStart=${onStart} /></div>`}
  </${Empty}>`;
}

function Report({ project, kind, report, mine, onChange }) {
  const open = report.problems.filter((one) => one.standing !== 0);
  const settled = report.problems.filter((one) => one.standing === 0);
  const worst = open.some((one) => one.severity === "error") ? "error" : open.some((one) => one.severity === "warning") ? "warning" : "good";
  const verdict = { error: "Some things must be mended before a training.", warning: "Some things should be mended.", good: "Fit to train on." }[worst];
  return html`<div>
    <${Note} kind=${{ error: "failed", warning: "warning", good: "good" }[worst]}>
      <p><strong>${verdict}</strong> Checked <time datetime=${report.ended} title=${when(report.ended)}>${ago(report.ended)}</time>.${report.read_labels ? "" : " It was not looked for wrong labels."}</p>
    </${Note}>
    ${report.outdated && html`<${Note}><p>The dataset has changed since. What was corrected is not shown below any more; new pictures were not looked at.</p></${Note}>`}
    <div class="figures">
      <${Figure} name="Pictures" value=${count(report.pictures)} />
      ${Object.entries(report.counts).map(([label, number]) => html`<${Figure} key=${label} name=${kindName(label)} value=${count(number)} />`)}
      ${report.unlabelled > 0 && html`<${Figure} name="not labelled" value=${count(report.unlabelled)} />`}
      ${Object.entries(report.places).map(([label, number]) => html`<${Figure} key=${label} name=${`${kindName(label)}, drawn`} value=${count(number)} />`)}
    </div>
    ${open.map((one) => html`<${Problem} key=${one.kind} project=${project} kind=${kind} problem=${one} mine=${mine} onChange=${onChange} />`)}
    ${open.length === 0 && html`<p>Nothing is left to act on.</p>`}
    ${settled.length > 0 && html`<p class="muted">Done: ${settled.map((one) => plural(one.pictures, "picture") + " – " + one.kind.replaceAll("-", " ")).join("; ")}.</p>`}
  </div>`;
}
