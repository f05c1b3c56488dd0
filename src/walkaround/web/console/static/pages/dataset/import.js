/** Pictures that are in a bucket already: all below a prefix, or those that a manifest names. */

import { html, useState } from "../../vendor/preact.js";
import { at, finished, get, send } from "../../api.js";
import { plural } from "../../formats.js";
import { AddressField } from "../../ui/address_field.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { Choice, Field, SelectField } from "../../ui/field.js";
import { Failed } from "../../ui/state.js";
import { JobProgress } from "../../ui/progress.js";
import { say } from "../../ui/toast.js";
import { Tabs } from "../../ui/tabs.js";
import { patiently } from "./changes.js";
import { ensured } from "./uploading.js";

const FOLDERS = [
  ["labels", "only folders called whole or damaged, normal or anomaly"],
  ["classes", "every folder: its name means whole, or a kind of damage"],
  ["nothing", "folders say nothing"],
];
const LABELS = [
  ["", "no label"],
  ["normal", "whole"],
  ["anomaly", "damaged"],
];

/**
 * The window to import in.
 * @param {{project: string, kind: string, exists: boolean, onClose: () => void, onDone: () => void}} properties `exists`: whether the dataset is there already.
 */
export function ImportDialog({ project, kind, exists, onClose, onDone }) {
  const [tab, setTab] = useState("bucket");
  const [job, setJob] = useState(null);
  const [problem, setProblem] = useState(null);
  const begun = (told, text) => {
    if (!told.job) {
      say(text);
      onDone();
      onClose();
    } else setJob(told.job);
  };
  const guarded = async (act) => {
    setProblem(null);
    try {
      await act();
    } catch (error) {
      setProblem(error);
    }
  };
  const ended = async (state) => {
    if (state.state !== "done") return;
    onDone();
    const told = await get(at`/projects/${project}/datasets/${kind}`).catch(() => null);
    if (told && /FAILED/.test(told.status)) {
      setJob(null);
      setProblem(new Error(told.message));
    } else {
      say("The pictures were imported.");
      onClose();
    }
  };
  return html`<${Dialog} title=${`Import into ${kind === "test" ? "test" : "training"}`} onClose=${onClose}>
    <p class="muted">The pictures stay where they are. All pictures of a dataset are in one bucket.</p>
    ${problem && html`<${Failed} problem=${problem} />`}
    ${job
      ? html`<${JobProgress} job=${job} onEnd=${ended} /><p class="small muted">You can close this window; the import goes on.</p>`
      : html`<${Tabs} label="From where" value=${tab} onChange=${setTab} options=${[["bucket", "A folder of a bucket"], ["manifest", "A manifest in a bucket"], ["file", "A manifest file"]]}>
          ${tab === "bucket" && html`<${FromBucket} project=${project} kind=${kind} guarded=${guarded} onBegun=${begun} />`}
          ${tab === "manifest" && html`<${FromManifest} project=${project} kind=${kind} exists=${exists} guarded=${guarded} onBegun=${begun} />`}
          ${tab === "file" && html`<${FromFile} project=${project} kind=${kind} guarded=${guarded} onBegun=${begun} />`}
        </${Tabs}>`}
  </${Dialog}>`;
}

function FromBucket({ project, kind, guarded, onBegun }) {
  const [place, setPlace] = useState("");
  const [folders, setFolders] = useState("labels");
  const [label, setLabel] = useState("");
  const found = split(place);
  const start = () =>
    guarded(async () => {
      await ensured(project, kind);
      const sent = { bucket: found[0], prefix: found[1], folders, label: label || null };
      const told = await patiently(() => send("POST", at`/projects/${project}/datasets/${kind}/imports`, sent));
      onBegun(told, `${plural(told.pictures, "picture")} found; the dataset has all of them already.`);
    });
  return html`<${AddressField} label="Bucket and folder" value=${place} onInput=${setPlace} placeholder="s3://photos/claims/2026/" hint="JPEG and PNG pictures in it and below it." />
    <${SelectField} label="What labels them" value=${folders} options=${FOLDERS} onChange=${setFolders} />
    <${Field} label="All others">${() => html`<${Choice} label="Label of all others" value=${label} options=${LABELS} onChange=${setLabel} />`}</${Field}>
    <div class="row end"><${Button} kind="main" disabled=${!found} onPress=${start}>Import</${Button}></div>`;
}

function FromManifest({ project, kind, exists, guarded, onBegun }) {
  const [place, setPlace] = useState("");
  const found = split(place);
  const start = () =>
    guarded(async () => {
      const told = await send("POST", at`/projects/${project}/datasets`, { kind, manifest: { bucket: found[0], key: found[1] } });
      onBegun(told, "The dataset was made.");
    });
  if (exists) {
    return html`<p>A manifest in a bucket makes a new dataset, and this one is there already. Download the manifest and add it as a file, or delete the dataset first.</p>`;
  }
  return html`<${AddressField} label="Address of the manifest" value=${place} onInput=${setPlace} placeholder="s3://photos/claims.manifest" hint="As SageMaker Ground Truth and Lookout for Vision write them, with labels, boxes and masks." />
    <div class="row end"><${Button} kind="main" disabled=${!found?.[1]} onPress=${start}>Make the dataset</${Button}></div>`;
}

function FromFile({ project, kind, guarded, onBegun }) {
  const [file, setFile] = useState(null);
  const start = () =>
    guarded(async () => {
      await ensured(project, kind);
      const content = new Blob([file], { type: "application/jsonl" });
      const told = await patiently(() => send("POST", at`/projects/${project}/datasets/${kind}/manifest`, content, { headers: { "content-type": "application/jsonl" } }));
      await finished(told.job).catch(() => {});
      onBegun(told, "The manifest was sent.");
    });
  return html`<${Field} label="Manifest" hint="A JSON object on each line. Lines about pictures that are there already replace them, with their labels.">
      ${(attributes) => html`<input class="input" type="file" accept=".manifest,.jsonl,.json,.txt" onChange=${(event) => setFile(event.currentTarget.files[0] ?? null)} ...${attributes} />`}
    </${Field}>
    <div class="row end"><${Button} kind="main" disabled=${!file} onPress=${start}>Add its lines</${Button}></div>`;
}

/** Bucket and rest of s3://bucket/rest, or of bucket/rest; null where it is none. */
export function split(place) {
  const found = /^(?:s3:\/\/)?([0-9A-Za-z_-][0-9A-Za-z._-]{2,62})(?:\/(.*))?$/.exec(place.trim());
  return found && [found[1], found[2] ?? ""];
}
