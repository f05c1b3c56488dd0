/** A project is deleted with all that it has: models first, then datasets, then itself. */

import { at, get, send } from "../../api.js";

const LOOK_MS = 700;
const IN_USE = {
  TRAINING: "is being trained: cancel that first",
  STARTING_HOSTING: "is being started: wait, and stop it first",
  HOSTED: "is running: stop it first",
  STOPPING_HOSTING: "is being stopped: wait a moment",
  SYSTEM_UPDATING: "is running: stop it first",
};

/**
 * Delete a project. Nothing is touched where a model of it is in use.
 * @param {string} project
 * @param {(text: string) => void} onProgress
 * @throws {Error} a model is in use, or the server refuses.
 */
export async function deleteProject(project, onProgress) {
  const models = await allModels(project);
  const busy = models.find((model) => IN_USE[model.status]);
  if (busy) throw new Error(`Model ${busy.version} ${IN_USE[busy.status]}.`);
  for (const model of models.filter((one) => one.status !== "DELETING")) {
    onProgress(`Deleting model ${model.version} …`);
    await send("DELETE", at`/projects/${project}/models/${model.version}`);
  }
  for (let left = models; left.length; left = await allModels(project)) {
    onProgress("Deleting the models …");
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  const { datasets } = await get(at`/projects/${project}`);
  for (const { kind } of datasets) {
    onProgress("Deleting the pictures' list …");
    await send("DELETE", at`/projects/${project}/datasets/${kind}`);
  }
  onProgress("Deleting the project …");
  await send("DELETE", at`/projects/${project}`);
}

async function allModels(project) {
  const found = [];
  for (let next = null, page; page === undefined || next; next = page.next) {
    page = await get(at`/projects/${project}/models`, { next });
    found.push(...page.models);
  }
  return found;
}
