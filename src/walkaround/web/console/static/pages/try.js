/** Trials of a project: a model tried on new photos or a video, and those that were begun before. */

import { html, useState } from "../vendor/preact.js";
import { at, get, send } from "../api.js";
import { ago, plural, when } from "../formats.js";
import { go, Link } from "../router.js";
import { may } from "../session.js";
import { Button, IconButton } from "../ui/button.js";
import { Loaded, useData } from "../ui/data.js";
import { confirm } from "../ui/dialog.js";
import { SelectField, TextField } from "../ui/field.js";
import { Page, Panel } from "../ui/page.js";
import { Badge, Empty, Note } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { DropZone } from "./trial/drop_zone.js";
import { sendFiles } from "./trial/sending.js";
import { SendingState } from "./trial/sending_state.js";
import { freeName } from "./trial/words.js";

export const styles = await styled(import.meta.url);

const TRAINED = ["TRAINED", "HOSTED", "HOSTING_FAILED", "STARTING_HOSTING", "STOPPING_HOSTING", "SYSTEM_UPDATING"];
const REFRESH_MS = 4000;

/** @param {{project: string}} properties */
export default function Try({ project }) {
  const [running, setRunning] = useState(false);
  const read = async (signal) => {
    const [models, trials] = await Promise.all([
      get(at`/projects/${project}/models`, {}, { signal }),
      get(at`/projects/${project}/trials`, { limit: 50 }, { signal }),
    ]);
    setRunning(trials.trials.some((one) => one.status === "RUNNING"));
    return { models: models.models.filter((one) => TRAINED.includes(one.status)).reverse(), trials: trials.trials };
  };
  const data = useData(read, [project], { every: running ? REFRESH_MS : undefined });
  return html`<${Page} title="Try a model" lead="Give it photos or a video, see what it finds, and tell it where it is wrong. What you verify makes the next version better.">
    <${Loaded} of=${data}>
      ${({ models, trials }) =>
        models.length
          ? html`${
                may("manage")
                  ? html`<${NewTrial} project=${project} models=${models} trials=${trials} />`
                  : html`<${Note}><p>You may look at trials. To begin one, your role has to be “manage”.</p></${Note}>`
              }
              <${Trials} project=${project} trials=${trials} reload=${data.reload} />`
          : html`<${Empty} icon="model" title="There is no trained model yet">
              <p>Train one first; then try it here on photos that it has never seen.</p>
              <${Link} class="button main" to=${at`/projects/${project}/train`}>Go to training</${Link}>
            </${Empty}>`}
    </${Loaded}>
  </${Page}>`;
}

function NewTrial({ project, models, trials }) {
  const [version, setVersion] = useState(models[0].version);
  const [name, setName] = useState(() => freeName(trials.map((one) => one.name), "try"));
  const [frames, setFrames] = useState("24");
  const [begun, setBegun] = useState(null);
  const problem = nameProblem(name, trials);
  const model = models.find((one) => one.version === version) ?? models[0];
  const begin = async (files) => {
    if (problem) return;
    setBegun(name);
    const open = () => go(at`/projects/${project}/try/${name}`);
    let opened = false;
    const { kept } = await sendFiles({ project, trial: name, model: model.version, frames: Number(frames) }, files, () => {
      if (!opened) open();
      opened = true;
    });
    if (!kept) setBegun(null);
  };
  return html`<${Panel} title="New trial">
    <div class="new-trial">
      <div>
        <${SelectField}
          label="Version"
          value=${version}
          options=${models.map((one) => [one.version, `Version ${one.version}${one.f1 === null ? "" : ` (F1 ${one.f1.toFixed(2)})`}`])}
          onChange=${setVersion}
          hint=${model.status === "HOSTED" ? "It is hosted, and stays so." : "It is not hosted, and need not be: the trial loads it by itself."}
        />
        <details>
          <summary>Name, and frames of videos</summary>
          <${TextField} label="Name of the trial" value=${name} onInput=${setName} problem=${problem} maxlength="64" autocomplete="off" />
          <${SelectField}
            label="Frames of a video"
            value=${frames}
            options=${[["12", "at most 12"], ["24", "at most 24"], ["48", "at most 48"], ["100", "at most 100"]]}
            onChange=${setFrames}
            hint="The sharpest ones that differ most are looked at."
          />
        </details>
      </div>
      <${DropZone} onFiles=${begin} disabled=${problem !== null || begun !== null} />
    </div>
    <${SendingState} project=${project} trial=${begun ?? name} />
  </${Panel}>`;
}

function Trials({ project, trials, reload }) {
  if (!trials.length) return html`<p class="muted">No trial was begun yet.</p>`;
  return html`<${Panel} title="Trials">
    <ul class="trials">${trials.map((one) => html`<${TrialLine} key=${one.name} project=${project} trial=${one} reload=${reload} />`)}</ul>
  </${Panel}>`;
}

function TrialLine({ project, trial, reload }) {
  const forgetIt = async () => {
    const text = "Its verdicts are lost, except for the pictures that were added to a dataset.";
    if (!(await confirm({ title: `Delete the trial ${trial.name}?`, text, action: "Delete" }))) return;
    await send("DELETE", at`/projects/${project}/trials/${trial.name}`);
    await reload();
  };
  const judged = trial.right + trial.wrong;
  return html`<li>
    <div>
      <${Link} to=${at`/projects/${project}/try/${trial.name}`}>${trial.name}</${Link}> <${State} trial=${trial} />
      <p class="small muted">
        Version ${trial.model} · ${plural(trial.total, "picture")}${trial.same_as ? ` of ${trial.same_as}` : ""} ·
        <time dateTime=${trial.created} title=${when(trial.created)}> ${ago(trial.created)}</time>
      </p>
      ${trial.status === "FAILED" && html`<${Note} kind="failed"><p>${trial.message}</p></${Note}>`}
    </div>
    <div class="trial-numbers small">
      <span>${trial.verified} of ${trial.total - trial.failed} verified</span>
      ${judged > 0 && html`<span>right in ${trial.right} of ${judged}</span>`}
      ${trial.added > 0 && html`<span>${trial.added} added</span>`}
    </div>
    ${may("manage") && html`<${IconButton} icon="trash" label=${`Delete ${trial.name}`} onPress=${forgetIt} />`}
  </li>`;
}

function State({ trial }) {
  if (trial.status === "RUNNING") return html`<${Badge} kind="busy">looking: ${trial.predicted} of ${trial.total}</${Badge}>`;
  if (trial.status === "FAILED") return html`<${Badge} kind="failed">failed</${Badge}>`;
  return trial.verified >= trial.total - trial.failed && trial.total ? html`<${Badge} kind="good">all verified</${Badge}>` : null;
}

function nameProblem(name, trials) {
  if (!/^[a-zA-Z0-9-]{1,64}$/.test(name)) return "Use letters, digits and hyphens.";
  return trials.some((one) => one.name === name) ? "There is a trial of this name already." : null;
}
