/** Where pictures are dropped or chosen, what their folders mean, and how far the upload is. */

import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { bytes, count, plural } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { CheckField, Choice } from "../../ui/field.js";
import { ProgressBar } from "../../ui/progress.js";
import { Icon } from "../../ui/icon.js";
import { Note } from "../../ui/state.js";
import { chosenFiles, droppedFiles } from "./dropped.js";
import { sorted } from "./folders.js";
import { begin, forget, goOn, nameOf, stop, uploads } from "./uploading.js";

const LABELS = [
  ["", "no label"],
  ["normal", "whole"],
  ["anomaly", "damaged"],
];
const SHOWN = 200;

/**
 * The whole page takes drops while this is in it.
 * @param {{onFiles: (files: {file: File, path: string}[]) => void, text: string}} properties
 */
export function DropAnywhere({ onFiles, text }) {
  const [over, setOver] = useState(false);
  const newest = useRef(onFiles);
  newest.current = onFiles;
  useEffect(() => {
    let depth = 0;
    const files = (event) => event.dataTransfer?.types.includes("Files");
    const handlers = {
      dragenter: (event) => files(event) && ((depth += 1), setOver(true)),
      dragleave: (event) => files(event) && (depth -= 1) <= 0 && setOver(false),
      dragover: (event) => files(event) && event.preventDefault(),
      drop: (event) => {
        if (!files(event)) return;
        event.preventDefault();
        depth = 0;
        setOver(false);
        droppedFiles(event.dataTransfer).then((found) => found.length && newest.current(found));
      },
    };
    for (const [name, handle] of Object.entries(handlers)) addEventListener(name, handle);
    return () => Object.entries(handlers).forEach(([name, handle]) => removeEventListener(name, handle));
  }, []);
  return over ? html`<div class="drop-over" aria-hidden="true"><div><${Icon} name="upload" /><strong>${text}</strong></div></div>` : null;
}

/** The place to drop on, with buttons for who does not drag. */
export function DropPlace({ onFiles, children }) {
  const files = useRef(null);
  const folder = useRef(null);
  const take = (event) => {
    const found = chosenFiles(event.currentTarget.files);
    event.currentTarget.value = "";
    if (found.length) onFiles(found);
  };
  return html`<div class="drop-place">
    <${Icon} name="upload" />
    <p><strong>Drop pictures, folders or a zip here</strong></p>
    <p class="small muted">JPEG or PNG, hundreds at once. Folders called “whole” or “damaged” label their pictures.</p>
    <div class="row">
      <${Button} kind="main" onPress=${() => files.current.click()}>Choose pictures or a zip</${Button}>
      <${Button} onPress=${() => folder.current.click()}>Choose a folder</${Button}>
      ${children}
    </div>
    <input ref=${files} type="file" class="unseen" tabindex="-1" aria-label="Pictures or a zip" multiple accept="image/jpeg,image/png,.jpg,.jpeg,.png,.zip,application/zip" onChange=${take} />
    <input ref=${folder} type="file" class="unseen" tabindex="-1" aria-label="A folder" webkitdirectory onChange=${take} />
  </div>`;
}

/**
 * Ask what the folders mean, and begin.
 * @param {{project: string, kind: string, files: {file: File, path: string}[], onClose: () => void}} properties
 */
export function UploadDialog({ project, kind, files, onClose }) {
  const [{ folders, archives, refused }] = useState(() => sorted(files));
  const [labels, setLabels] = useState(() => folders.map((folder) => folder.label ?? ""));
  const [archiveLabel, setArchiveLabel] = useState("");
  const [classes, setClasses] = useState(false);
  const number = folders.reduce((sum, folder) => sum + folder.files.length, 0);
  const start = () => {
    const groups = folders.map((folder, index) => ({ files: folder.files, label: labels[index] || null }));
    if (archives.length) groups.push(...archives.map((file) => ({ files: [file], label: archiveLabel || null, classes })));
    begin(project, kind, groups, refused);
    onClose();
  };
  const what = [number && plural(number, "picture"), archives.length && plural(archives.length, "zip archive")].filter(Boolean).join(" and ");
  return html`<${Dialog} title=${`Add ${what || "nothing"} to ${kind === "test" ? "test" : "training"}`} onClose=${onClose}>
    ${folders.length > 1 && html`<p>What do the folders say of the pictures in them? You can change every label later.</p>`}
    <div class="folders">
      ${folders.map(
        (folder, index) => html`<div key=${folder.name} class="folder">
          <span><strong>${folder.name || "Pictures"}</strong> <span class="muted">${plural(folder.files.length, "picture")}, ${bytes(folder.files.reduce((sum, file) => sum + file.size, 0))}</span></span>
          <${Choice} label=${`Label of ${folder.name || "the pictures"}`} value=${labels[index]} options=${LABELS} onChange=${(value) => setLabels(labels.map((one, at) => (at === index ? value : one)))} />
        </div>`,
      )}
      ${archives.length > 0 &&
      html`<div class="folder">
          <span><strong>${archives.map((file) => file.name).join(", ")}</strong></span>
          <${Choice} label="Label of pictures without a folder" value=${archiveLabel} options=${LABELS} onChange=${setArchiveLabel} />
        </div>
        <p class="small muted">Folders called whole (or normal) and damaged (or anomaly) in a zip label their pictures in any case.</p>
        <${CheckField} label="Every other folder in it is a kind of damage, or means whole by its name" checked=${classes} onChange=${setClasses} />`}
    </div>
    ${refused.length > 0 && html`<${Note} kind="warning"><p>${plural(refused.length, "file")} will be left out: ${refused.slice(0, 4).map((one) => one.name).join(", ")}${refused.length > 4 ? " …" : ""}. Only JPEG and PNG pictures, and zip archives of them, can be used.</p></${Note}>`}
    <div class="row end">
      <${Button} onPress=${onClose}>Cancel</${Button}>
      <${Button} kind="main" icon="upload" disabled=${!what} onPress=${start}>Add them</${Button}>
    </div>
  </${Dialog}>`;
}

/** How far the upload into a dataset is, and what became of it; nothing where there is none. */
export function UploadState({ project, kind, onEnded }) {
  const one = uploads.value[nameOf(project, kind)];
  const ended = one && one.state !== "running";
  useEffect(() => {
    if (ended) onEnded();
  }, [ended, one?.added]);
  if (!one) return null;
  const told = [`${count(one.done)} of ${count(one.files)} files`, one.added && `${count(one.added)} added`, one.known && `${count(one.known)} were there already`, one.reduced && `${count(one.reduced)} made smaller`]
    .filter(Boolean)
    .join(", ");
  return html`<section class="panel upload" aria-label="Upload">
    ${one.state === "running"
      ? html`<${ProgressBar} share=${one.bytes ? Math.min(1, one.sent / one.bytes) : null} text=${`Adding pictures: ${told} (${bytes(one.sent)} of ${bytes(one.bytes)})`} />
          <div class="row end"><${Button} icon="stop" onPress=${() => stop(project, kind)}>Stop</${Button}></div>`
      : html`<div class="row spread">
          <p role="status"><strong>${{ done: "All files were sent.", stopped: "The upload was stopped.", failed: "The upload did not get through." }[one.state]}</strong> ${told}. ${one.problem ?? ""}</p>
          <div class="row">
            ${one.unsent.length > 0 && html`<${Button} kind="main" onPress=${() => void goOn(project, kind)}>Send the rest</${Button}>`}
            <${Button} kind="quiet" onPress=${() => forget(project, kind)}>Dismiss</${Button}>
          </div>
        </div>`}
    ${one.refused.length > 0 &&
    html`<details open=${ended && one.refused.length <= 5}>
      <summary>${plural(one.refused.length, "file")} could not be used</summary>
      <div class="scroll-x refused" tabindex="0" role="region" aria-label="Files that could not be used"><table>
        <thead><tr><th>File</th><th>Why</th></tr></thead>
        <tbody>${one.refused.slice(0, SHOWN).map((left) => html`<tr><td>${left.name}</td><td>${left.reason}</td></tr>`)}</tbody>
      </table></div>
      ${one.refused.length > SHOWN && html`<p class="muted">And ${count(one.refused.length - SHOWN)} more.</p>`}
    </details>`}
  </section>`;
}

