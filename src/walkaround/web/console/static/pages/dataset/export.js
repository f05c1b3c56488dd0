/** A dataset in the format of another tool: chosen, written by a job, and fetched. */

import { html, useState } from "../../vendor/preact.js";
import { address, at, get, send } from "../../api.js";
import { ago, bytes, plural } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { Loaded, useData } from "../../ui/data.js";
import { Dialog } from "../../ui/dialog.js";
import { CheckField, Field, TextField } from "../../ui/field.js";
import { JobProgress } from "../../ui/progress.js";
import { Badge, Failed } from "../../ui/state.js";

/** Formats, with what each is for. */
export const FORMATS = [
  ["manifest", "Folder with a manifest", "walkaround's own; nothing is lost in it"],
  ["lookout", "Lookout for Vision", "a manifest with labels and PNG masks"],
  ["ground-truth", "SageMaker Ground Truth", "a manifest with labels and boxes"],
  ["coco", "COCO", "boxes and outlines in JSON"],
  ["yolo", "YOLO boxes", "a text file for each picture"],
  ["yolo-seg", "YOLO outlines", "a text file for each picture"],
  ["voc", "Pascal VOC", "boxes in XML"],
  ["tfrecords", "TFRecords", "for the TensorFlow Object Detection API"],
];
const ADDRESSED = ["lookout", "ground-truth"];
const nameOfFormat = (format) => FORMATS.find(([one]) => one === format)?.[1] ?? format;

/** @param {{project: string, kinds: string[], onClose: () => void}} properties `kinds`: of the datasets that have pictures. */
export function ExportDialog({ project, kinds, onClose }) {
  const [format, setFormat] = useState("manifest");
  const [chosen, setChosen] = useState(kinds);
  const [place, setPlace] = useState("");
  const [problem, setProblem] = useState(null);
  const exports = useData((signal) => get(at`/projects/${project}/exports`, {}, { signal }), [project]);
  const start = async () => {
    setProblem(null);
    try {
      await send("POST", at`/projects/${project}/exports`, { format, datasets: chosen, address: ADDRESSED.includes(format) && place ? place : null });
      await exports.reload();
    } catch (error) {
      setProblem(error);
    }
  };
  return html`<${Dialog} title="Export" wide=${true} onClose=${onClose}>
    ${problem && html`<${Failed} problem=${problem} />`}
    <fieldset class="formats">
      <legend class="unseen">Format</legend>
      ${FORMATS.map(
        ([one, name, hint]) => html`<label key=${one} class=${one === format ? "format chosen" : "format"}>
          <input type="radio" name="format" value=${one} checked=${one === format} onChange=${() => setFormat(one)} />
          <span><strong>${name}</strong><small>${hint}</small></span>
        </label>`,
      )}
    </fieldset>
    ${kinds.length > 1 &&
    html`<${Field} label="Datasets">
      ${() => html`<div class="row">${kinds.map((kind) => html`<${CheckField} key=${kind} label=${kind === "test" ? "Test" : "Training"} checked=${chosen.includes(kind)} onChange=${(on) => setChosen(kinds.filter((one) => (one === kind ? on : chosen.includes(one))))} />`)}</div>`}
    </${Field}>`}
    ${ADDRESSED.includes(format) && html`<${TextField} label="Where it will be put (may be left out)" value=${place} onInput=${setPlace} placeholder="s3://bucket/folder" hint="Manifests name their pictures by their address in a bucket." />`}
    <div class="row end"><${Button} kind="main" icon="download" disabled=${!chosen.length} onPress=${start}>Write the archive</${Button}></div>
    <${Loaded} of=${exports}>
      ${(told) => told.exports.length > 0 && html`<h3>Of the last day</h3>
        <ul class="exports">${told.exports.map((one) => html`<${Export} key=${one.id} project=${project} one=${one} onEnd=${exports.reload} />`)}</ul>`}
    </${Loaded}>
  </${Dialog}>`;
}

function Export({ project, one, onEnd }) {
  const file = address(at`/projects/${project}/exports/${one.id}/archive`);
  return html`<li>
    <div class="row spread">
      <span><strong>${nameOfFormat(one.format)}</strong> <span class="muted">${one.datasets.map((kind) => (kind === "test" ? "test" : "training")).join(" and ")}, ${ago(one.created)}</span></span>
      ${one.status === "COMPLETE" && html`<a class="button plain" href=${file} download=${one.name}>Download ${bytes(one.bytes)}</a>`}
      ${one.status === "FAILED" && html`<${Badge} kind="failed">did not work</${Badge}>`}
    </div>
    ${one.job && html`<${JobProgress} job=${one.job} onEnd=${onEnd} />`}
    ${one.status === "FAILED" && html`<p class="problem">${one.message}</p>`}
    ${one.problems.length > 0 &&
    html`<details><summary>${plural(one.problems.length, "remark")}</summary><ul>${one.problems.map((problem) => html`<li>${problem.message}</li>`)}</ul></details>`}
  </li>`;
}
