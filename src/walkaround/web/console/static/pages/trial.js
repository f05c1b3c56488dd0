/** One trial: its pictures one after another, verified with two keys, and what is made of them. */

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { at, follow, get, send } from "../api.js";
import { count, plural } from "../formats.js";
import { Link, query, setQuery } from "../router.js";
import { may } from "../session.js";
import { Button } from "../ui/button.js";
import { Loaded, useData } from "../ui/data.js";
import { Choice, SelectField } from "../ui/field.js";
import { Page, Panel } from "../ui/page.js";
import { ProgressBar } from "../ui/progress.js";
import { Empty, Failed, Loading, Note } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { Changes } from "./trial/changes.js";
import { DropZone } from "./trial/drop_zone.js";
import { Grid } from "./trial/grid.js";
import { NextSteps } from "./trial/next_steps.js";
import { usePictures } from "./trial/pictures.js";
import { counts, FILTERS, filtered, isOpen } from "./trial/queue.js";
import { sendFiles, sendingOf } from "./trial/sending.js";
import { SendingState } from "./trial/sending_state.js";
import { Viewer } from "./trial/viewer.js";

export const styles = await styled(new URL("try.js", import.meta.url).href, new URL("label.js", import.meta.url).href, import.meta.url);

const PAUSE_MS = 1500;

/** @param {{project: string, trial: string}} properties */
export default function Trial({ project, trial }) {
  const data = useData((signal) => get(at`/projects/${project}/trials/${trial}`, {}, { signal }), [project, trial]);
  return html`<${Loaded} of=${data}>${(told) => html`<${Opened} project=${project} trial=${told} reload=${data.reload} />`}</${Loaded}>`;
}

function Opened({ project, trial, reload }) {
  const store = usePictures(project, trial.name);
  const again = async () => {
    await Promise.all([reload(), store.reload()]);
  };
  useProgress(trial, again);
  const sending = sendingOf(project, trial.name);
  const more = (files) => sendFiles({ project, trial: trial.name, frames: 24 }, files, () => reload());
  const numbers = store.pictures ? counts(store.pictures) : null;
  const ask = (what) => async () => {
    await send("POST", at`/projects/${project}/trials/${trial.name}/${what}`);
    await reload();
  };
  return html`<${Page}
    title=${trial.name}
    lead=${html`Version <${Link} to=${at`/projects/${project}/models/${trial.model}`}>${trial.model}</${Link}> on ${plural(trial.total, "picture")}${trial.same_as ? html`, those of <${Link} to=${at`/projects/${project}/try/${trial.same_as}`}>${trial.same_as}</${Link}>` : ""}`}
    actions=${html`<${Link} to=${at`/projects/${project}/try`}>All trials</${Link}>`}
  >
    <${SendingState} project=${project} trial=${trial.name} />
    <${Looking} trial=${trial} onCancel=${ask("cancel")} onResume=${ask("resume")} />
    ${trial.videos.filter((one) => one.problem).map((one) => html`<${Note} key=${one.name} kind=${one.frames ? "warning" : "failed"}><p>${one.problem}</p></${Note}>`)}
    ${store.problem && html`<${Failed} problem=${store.problem} onRetry=${again} />`}
    ${!store.pictures && !store.problem && html`<${Loading} text="Loading the pictures …" />`}
    ${numbers && numbers.total > 0 && html`<${Verified} numbers=${numbers} />`}
    ${store.pictures?.length > 0 && html`<${Pictures} project=${project} trial=${trial.name} store=${store} />`}
    ${store.pictures?.length === 0 && trial.status !== "RUNNING" && !sending?.busy && html`<${Empty} icon="try" title="This trial has no pictures"><p>Add some below.</p></${Empty}>`}
    ${trial.same_as && html`<${Changes} project=${project} trial=${trial} onOpen=${open} />`}
    ${may("manage") && numbers && html`<${NextSteps} project=${project} trial=${trial} numbers=${numbers} onAdded=${again} />`}
    ${may("manage") && html`<${Panel} title="More pictures for this trial"><${DropZone} compact=${true} onFiles=${more} /></${Panel}>`}
  </${Page}>`;
}

/** The picture of an address in the viewer, on top of the page. */
function open(picture) {
  setQuery({ view: null, show: null, picture: idOf(picture) });
  document.querySelector(".trial-pictures")?.scrollIntoView({ block: "start" });
}

/** Enough of an address to find the picture again, and short enough for an address line. */
const idOf = (picture) => picture?.split("/").at(-1).slice(0, 24) ?? null;

function Pictures({ project, trial, store }) {
  const view = query.value.get("view") ?? "one";
  const show = query.value.get("show") ?? "all";
  const wanted = query.value.get("picture");
  const all = store.pictures;
  const pictures = filtered(all, show);
  const named = pictures.find((one) => idOf(one.picture) === wanted) ?? all.find((one) => idOf(one.picture) === wanted);
  const first = pictures.find((one) => isOpen(one) && one.findings) ?? pictures[0];
  const current = (named ?? first)?.picture ?? null;
  const move = (picture) => picture && setQuery({ picture: idOf(picture) });
  const options = FILTERS.map(([name, text]) => [name, `${text} (${count(filtered(all, name).length)})`]);
  return html`<section class="trial-pictures" aria-label="Pictures">
    <div class="trial-bar">
      <${Choice} label="View" value=${view} options=${[["one", "One by one"], ["grid", "All"]]} onChange=${(value) => setQuery({ view: value === "one" ? null : value })} />
      <${SelectField} label="Show" value=${show} options=${options} onChange=${(value) => setQuery({ show: value === "all" ? null : value, picture: null })} />
    </div>
    ${pictures.length === 0
      ? html`<p class="muted">No picture is of this kind.</p>`
      : view === "grid"
        ? html`<${Grid} pictures=${pictures} onOpen=${(picture) => setQuery({ view: null, picture: idOf(picture) })} />`
        : html`<${Viewer} project=${project} trial=${trial} pictures=${pictures.some((one) => one.picture === current) ? pictures : all} all=${all} current=${current} onMove=${move} onGrid=${() => setQuery({ view: "grid" })} store=${store} />`}
  </section>`;
}

function Verified({ numbers }) {
  const judged = numbers.right + numbers.wrong;
  const right = judged ? `, the model was right in ${numbers.right} of ${judged}` : "";
  const done = numbers.verified === numbers.total;
  return html`<div class="verified-bar">
    <${ProgressBar} share=${numbers.verified / numbers.total} text=${`${count(numbers.verified)} of ${count(numbers.total)} verified${right}${done ? ". All done!" : ""}`} />
  </div>`;
}

function Looking({ trial, onCancel, onResume }) {
  if (trial.status === "FAILED") {
    return html`<${Note} kind="failed">
      <p>${trial.message || "The trial failed."}</p>
      ${may("manage") && html`<${Button} icon="play" onPress=${onResume}>Go on</${Button}>`}
    </${Note}>`;
  }
  if (trial.status !== "RUNNING") return null;
  const choosing = trial.videos.some((one) => one.frames === undefined && !one.problem);
  const text = choosing ? "Choosing the frames of the video …" : `The model is looking: ${count(trial.predicted + trial.failed)} of ${plural(trial.total, "picture")}`;
  return html`<div class="looking">
    <${ProgressBar} share=${choosing || !trial.total ? null : (trial.predicted + trial.failed) / trial.total} text=${text} stage=${choosing ? text : "The model is looking"} />
    ${trial.message && html`<${Note} kind="warning"><p>${trial.message}</p></${Note}>`}
    ${may("manage") && html`<${Button} kind="quiet" icon="stop" onPress=${onCancel}>Stop looking</${Button}>`}
  </div>`;
}

/** Read the trial again when its job tells that it went on, now and then. */
function useProgress(trial, again) {
  const newest = useRef(again);
  newest.current = again;
  const [stamp, setStamp] = useState(0);
  useEffect(() => {
    if (!trial.job) return undefined;
    return follow(trial.job, () => setStamp((number) => number + 1));
  }, [trial.job]);
  useEffect(() => {
    if (!stamp) return undefined;
    const timer = setTimeout(() => newest.current(), PAUSE_MS / 3);
    return () => clearTimeout(timer);
  }, [stamp]);
  const running = trial.status === "RUNNING";
  useEffect(() => {
    const back = () => document.visibilityState === "visible" && newest.current(); // somebody else may have verified meanwhile
    document.addEventListener("visibilitychange", back);
    return () => document.removeEventListener("visibilitychange", back);
  }, []);
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && newest.current(), 2 * PAUSE_MS);
    return () => clearInterval(timer);
  }, [running]);
}
