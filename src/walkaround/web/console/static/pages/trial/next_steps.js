/** What follows when pictures are verified: they join a dataset, the next version is trained, and tried on the same pictures. */

import { html, useState } from "../../vendor/preact.js";
import { at, get, send } from "../../api.js";
import { plural } from "../../formats.js";
import { go, Link } from "../../router.js";
import { Button } from "../../ui/button.js";
import { Loaded, useData } from "../../ui/data.js";
import { Dialog } from "../../ui/dialog.js";
import { CheckField, Choice } from "../../ui/field.js";
import { Panel } from "../../ui/page.js";
import { JobProgress } from "../../ui/progress.js";
import { Note } from "../../ui/state.js";
import { say } from "../../ui/toast.js";
import { freeName } from "./words.js";

const TRAINED = ["TRAINED", "HOSTED", "HOSTING_FAILED", "STARTING_HOSTING", "STOPPING_HOSTING", "SYSTEM_UPDATING"];

/**
 * The loop: add, train, try again; each step where it is possible.
 * @param {{project: string, trial: any, numbers: ReturnType<import("./queue.js").counts>, onAdded: () => Promise<void>}} properties
 */
export function NextSteps({ project, trial, numbers, onAdded }) {
  const [adding, setAdding] = useState(false);
  const known = useData(
    (signal) => (numbers.waiting ? get(at`/projects/${project}/trials/${trial.name}/addable`, {}, { signal }) : Promise.resolve(null)),
    [trial.name, trial.added, numbers.waiting === 0],
  );
  const there = known.value?.left_out.length ?? 0;
  const fresh = Math.max(0, numbers.waiting - there);
  const models = useData((signal) => get(at`/projects/${project}/models`, {}, { signal }), [project]);
  const list = models.value?.models ?? [];
  const training = list.findLast((one) => one.status === "TRAINING");
  const newer = list.findLast((one) => TRAINED.includes(one.status) && Number(one.version) > Number(trial.model));
  const failed = list.at(-1)?.status === "TRAINING_FAILED" ? list.at(-1) : null;
  const train = async () => {
    const model = await send("POST", at`/projects/${project}/models`, {});
    say(`Version ${model.version} is being trained.`);
    await models.reload();
  };
  return html`<${Panel} title="Make the next version better">
    <ol class="steps">
      <li class=${fresh ? "now" : ""}>
        <p>${told(fresh, there, trial)}</p>
        <${Button} kind=${fresh ? "main" : "plain"} icon="plus" disabled=${!numbers.waiting} onPress=${() => setAdding(true)}>
          ${fresh ? `Add ${plural(fresh, "verified picture")} to the training pictures` : "Add verified pictures"}
        </${Button}>
      </li>
      <li class=${training || (!fresh && trial.added > 0 && !newer) ? "now" : ""}>
        ${training
          ? html`<${TrainingNow} project=${project} model=${training} onEnd=${models.reload} />`
          : html`<p>Train version ${list.length ? Number(list.at(-1).version) + 1 : 1} on all training pictures as they are now.</p>
              ${failed && html`<${Note} kind="failed"><p>The training of version ${failed.version} failed: ${failed.message}</p></${Note}>`}
              <${Button} icon="train" kind=${!fresh && trial.added > 0 && !newer ? "main" : "plain"} onPress=${train} disabled=${!models.value}>Train the next version</${Button}>`}
      </li>
      <li class=${newer && !training ? "now" : ""}>
        <p>${newer ? `Version ${newer.version} is trained.` : "When it is trained, try it on the same pictures, and see which verdicts change."}</p>
        <${Button} icon="try" kind=${newer && !training && !fresh ? "main" : "plain"} disabled=${!newer} onPress=${() => tryAgain(project, trial, newer)}>
          ${newer ? `Try version ${newer.version} on the same pictures` : "Try the next version on them"}
        </${Button}>
      </li>
    </ol>
    ${adding && html`<${Adding} project=${project} trial=${trial} onClose=${() => setAdding(false)} onAdded=${async () => {
      setAdding(false);
      await onAdded();
    }} />`}
  </${Panel}>`;
}

function TrainingNow({ project, model, onEnd }) {
  const training = useData((signal) => get(at`/projects/${project}/models/${model.version}/training`, {}, { signal }), [model.version]);
  return html`<p>Version ${model.version} is being trained. You may leave this page.</p>
    ${training.value?.job && html`<${JobProgress} job=${training.value.job} onEnd=${onEnd} />`}
    <${Link} to=${at`/projects/${project}/train`}>Curves and details</${Link}>`;
}

async function tryAgain(project, trial, model) {
  const known = await get(at`/projects/${project}/trials`, { limit: 100 });
  const stem = `${(trial.same_as ?? trial.name).slice(0, 45)}-version-${model.version}`;
  const name = freeName(known.trials.map((one) => one.name), stem);
  await send("POST", at`/projects/${project}/trials`, { name, model: model.version, same_as: trial.name });
  go(at`/projects/${project}/try/${name}`);
}

/** The window before verified pictures are added: how many are new, and which are left out. */
function Adding({ project, trial, onClose, onAdded }) {
  const [dataset, setDataset] = useState("train");
  const [repeats, setRepeats] = useState(false);
  const data = useData((signal) => get(at`/projects/${project}/trials/${trial.name}/addable`, { dataset }, { signal }), [dataset]);
  const add = async () => {
    const done = await send("POST", at`/projects/${project}/trials/${trial.name}/add`, undefined, { query: { dataset, repeats } });
    say(`${plural(done.pictures, "picture was", "pictures were")} added.`);
    await onAdded();
  };
  return html`<${Dialog} title="Add verified pictures" onClose=${onClose}>
    <${Choice} label="To which pictures" value=${dataset} options=${[["train", "Training pictures"], ["test", "Test pictures"]]} onChange=${setDataset} />
    ${dataset === "test" && html`<p class="small muted">Versions are measured on test pictures, and never learn from them.</p>`}
    <${Loaded} of=${data}>
      ${(found) => {
        const alike = found.left_out.filter((one) => !one.same);
        const number = found.normal + found.anomaly + (repeats ? alike.length : 0);
        return html`<p><strong>${plural(number, "picture")}</strong> will be added: ${found.normal} whole, ${found.anomaly} damaged${repeats && alike.length ? `, ${alike.length} alike` : ""}.</p>
          ${found.left_out.length > 0 &&
          html`<${Note} kind="warning">
              <p>${plural(found.left_out.length, "picture is", "pictures are")} left out:</p>
              <ul class="refused">${found.left_out.map((one) => html`<li key=${one.picture}><strong>${nameOf(one)}</strong> ${why(one)}</li>`)}</ul>
            </${Note}>
            ${alike.length > 0 && html`<${CheckField} label=${`Add the ${alike.length} that only look alike too`} checked=${repeats} onChange=${setRepeats} />`}`}
          ${found.uncompared > 0 && html`<p class="small muted">${plural(found.uncompared, "picture")} of the datasets ${found.uncompared === 1 ? "has" : "have"} not been compared yet.</p>`}
          <div class="row end">
            <${Button} onPress=${onClose}>Cancel</${Button}>
            <${Button} kind="main" onPress=${add} disabled=${number === 0}>Add ${plural(number, "picture")}</${Button}>
          </div>`;
      }}
    </${Loaded}>
  </${Dialog}>`;
}

const nameOf = (one) => one.name ?? one.picture.split("/").at(-1);

function why(one) {
  const other = one.like_name ?? one.like.split("/").at(-1);
  const where = { train: "training", test: "test" }[one.dataset];
  if (one.same) return `is in the ${where} pictures.`;
  return where ? `shows the same as ${other} in the ${where} pictures.` : `shows the same as another one that is added.`;
}

function told(fresh, there, trial) {
  if (fresh) return `${plural(fresh, "picture is", "pictures are")} verified and can be learnt from.`;
  if (there) return `${plural(trial.added, "picture was", "pictures were")} added. ${plural(there, "verified picture shows", "verified pictures show")} what the datasets have already.`;
  return trial.added ? `${plural(trial.added, "picture was", "pictures were")} added. Verify more to add more.` : "Verify pictures first.";
}
