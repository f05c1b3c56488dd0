/** The pictures of a project: added, looked through, labelled many at a time, taken out, exported. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { address, at, get, send } from "../api.js";
import { ago, plural } from "../formats.js";
import { Link, query, setQuery } from "../router.js";
import { may } from "../session.js";
import { Button } from "../ui/button.js";
import { useData } from "../ui/data.js";
import { confirm, Dialog } from "../ui/dialog.js";
import { Choice } from "../ui/field.js";
import { KeysHelp } from "../ui/keys.js";
import { Menu } from "../ui/menu.js";
import { Page } from "../ui/page.js";
import { Empty, Failed, Loading, Note } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { waiting } from "./dataset/changes.js";
import { ExportDialog } from "./dataset/export.js";
import { asParameters, filtersOf } from "./dataset/filters.js";
import { ImportDialog } from "./dataset/import.js";
import { KEYS } from "./dataset/keys.js";
import { Pictures } from "./dataset/pictures.js";
import { nameOf as nameOfUpload, uploads } from "./dataset/uploading.js";
import { DropAnywhere, DropPlace, UploadDialog, UploadState } from "./dataset/upload.js";

export const styles = await styled(import.meta.url);

const MISSING = 404;
const CONFLICTS = ["CREATE_FAILED", "UPDATE_FAILED_ROLLBACK_COMPLETE"];
const BARE = { ids: [], rows: [], more: false, checked: null, counts: { all: 0, normal: 0, anomaly: 0, none: 0, flagged: 0, flags: {} } };

/** @param {{project: string}} properties */
export default function Dataset({ project }) {
  const filters = filtersOf(query.value);
  const { kind } = filters;
  const [open, setOpen] = useState(null); // add, import, export, keys, or the files of an upload
  const sets = useData((signal) => get(at`/projects/${project}/datasets`, {}, { signal }), [project]);
  const told = useData((signal) => gallery(project, filters, signal), [project, kind, ...Object.values(asParameters(filters))]);
  const reload = () => {
    sets.reload();
    told.reload();
  };
  const coming = uploads.value[nameOfUpload(project, kind)];
  const sending = coming?.state === "running";
  useEffect(() => {
    if (sending && coming.added) told.value?.counts.all === 0 ? reload() : sets.reload(); // the first are shown at once, the others when all are there
  }, [coming?.added]);
  const mine = may("manage");
  const of = (one) => sets.value?.find((set) => set.kind === one);
  const kinds = ["train", "test"].filter((one) => of(one)?.total);
  const close = () => setOpen(null);
  const take = (files) => setOpen({ files });
  const shown = told.value;
  return html`<${Page}
    title="Pictures"
    lead=${leadOf(shown, kind)}
    actions=${html`
      ${mine && html`<${Button} kind="main" icon="upload" onPress=${() => setOpen("add")}>Add pictures</${Button}>`}
      ${shown?.counts.all > 0 && html`<${Link} class="button plain" to=${`${at`/projects/${project}/check`}?kind=${kind}`}>Check</${Link}>`}
      <${Menu} label="More" items=${menu({ project, kind, kinds, mine, dataset: of(kind), setOpen, reload })} />
    `}
  >
    ${!mine && html`<${Note}><p>You may look at the pictures. To add, label or take out any, your role has to be “manage”.</p></${Note}>`}
    ${mine && html`<${DropAnywhere} text=${`Add to ${nameOf(kind)}`} onFiles=${take} />`}
    <div class="row spread below">
      <${Choice} label="Dataset" value=${kind} options=${tabs(of)} onChange=${(next) => setQuery({ kind: next === "train" ? null : next })} />
      <span class="small muted" role="status">${waiting.value > 0 ? "Saving …" : ""}</span>
    </div>
    <${UploadState} project=${project} kind=${kind} onEnded=${reload} />
    ${of(kind) && CONFLICTS.includes(of(kind).status) && html`<${Note} kind="warning"><p>${of(kind).message}</p></${Note}>`}
    ${told.problem && html`<${Failed} problem=${told.problem} onRetry=${reload} />`}
    ${!shown && !told.problem && html`<${Loading} />`}
    ${shown?.counts.all === 0 && sending && html`<p class="muted">The first pictures are shown here as soon as they are in.</p>`}
    ${shown?.counts.all === 0 && !sending && html`<${Nothing} kind=${kind} mine=${mine} onFiles=${take} onImport=${() => setOpen("import")} />`}
    ${shown?.counts.all > 0 && html`<${Pictures} key=${kind} project=${project} filters=${filters} shown=${shown} mine=${mine} onReload=${reload} onKeys=${() => setOpen("keys")} />`}
    ${open === "add" && html`<${Dialog} title=${`Add to ${nameOf(kind)}`} onClose=${close}><${DropPlace} onFiles=${take}><${Button} onPress=${() => setOpen("import")}>Import from a bucket</${Button}></${DropPlace}></${Dialog}>`}
    ${open?.files && html`<${UploadDialog} key=${open.files} project=${project} kind=${kind} files=${open.files} onClose=${close} />`}
    ${open === "import" && html`<${ImportDialog} project=${project} kind=${kind} exists=${Boolean(of(kind))} onClose=${close} onDone=${reload} />`}
    ${open === "export" && html`<${ExportDialog} project=${project} kinds=${kinds} onClose=${close} />`}
    ${open === "keys" && html`<${KeysHelp} groups=${KEYS} onClose=${close} />`}
  </${Page}>`;
}

/** What is shown; a dataset that is not there is an empty one. */
async function gallery(project, filters, signal) {
  try {
    return await get(at`/projects/${project}/datasets/${filters.kind}/gallery`, asParameters(filters), { signal });
  } catch (problem) {
    if (problem.status !== MISSING) throw problem;
    await get(at`/projects/${project}`, {}, { signal }); // a project that is not there is a problem
    return BARE;
  }
}

function Nothing({ kind, mine, onFiles, onImport }) {
  const why =
    kind === "test"
      ? "Test pictures measure a model and are never learnt from. Without any, a part of the training pictures is kept back for that."
      : "A model learns from these: twenty pictures of whole cars and ten of damaged ones are enough to begin with.";
  return html`<${Empty} title=${kind === "test" ? "No test pictures yet" : "No pictures yet"}>
    <p>${why}</p>
    ${mine && html`<${DropPlace} onFiles=${onFiles}><${Button} onPress=${onImport}>Import from a bucket</${Button}></${DropPlace}>`}
  </${Empty}>`;
}

function menu({ project, kind, kinds, mine, dataset, setOpen, reload }) {
  const lines = address(at`/projects/${project}/datasets/${kind}/manifest`);
  return [
    mine && { name: "Import …", hint: "from a bucket or a manifest", act: () => setOpen("import") },
    mine && kinds.length > 0 && { name: "Export …", hint: "COCO, YOLO, VOC, Ground Truth, …", act: () => setOpen("export") },
    dataset?.total && { name: "Download the manifest", hint: `of the ${nameOf(kind)}`, href: lines },
    { name: "Keys", act: () => setOpen("keys") },
    mine && dataset && { name: "Delete this dataset", act: () => removed(project, kind, dataset, reload) },
  ].filter(Boolean);
}

async function removed(project, kind, dataset, reload) {
  const text = `All ${plural(dataset.total ?? 0, "picture")} of the ${nameOf(kind)} are taken out with their labels and drawings. This cannot be undone; the files stay in their bucket, and models stay.`;
  if (!(await confirm({ title: `Delete the ${nameOf(kind)}?`, text, action: "Delete" }))) return;
  await send("DELETE", at`/projects/${project}/datasets/${kind}`);
  reload();
}

function tabs(of) {
  return ["train", "test"].map((one) => [one, html`${one === "test" ? "Test" : "Training"} <span class="muted">${of(one)?.total ?? 0}</span>`]);
}

function leadOf(shown, kind) {
  if (!shown?.counts.all) return null;
  const checked = shown.checked ? `Checked ${ago(shown.checked)}.` : "Not checked yet.";
  return `${plural(shown.counts.all, "picture")} to ${kind === "test" ? "measure with" : "learn from"}. ${checked}`;
}

const nameOf = (kind) => (kind === "test" ? "test pictures" : "training pictures");
