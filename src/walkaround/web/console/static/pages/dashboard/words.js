/** Jobs and failures of the API in the words of a claims desk, and where each is looked after. */

import { at } from "../../api.js";
import { plural } from "../../formats.js";

const DOING = {
  train: (name) => `Training version ${name}`,
  host: (name) => `Starting version ${name}`,
  unhost: (name) => `Stopping version ${name}`,
  delete_model: (name) => `Deleting version ${name}`,
  create_dataset: (name) => `Importing the ${name === "test" ? "test" : "training"} pictures`,
  update_dataset: (name) => `Changing the ${name === "test" ? "test" : "training"} pictures`,
  delete_dataset: (name) => `Deleting the ${name === "test" ? "test" : "training"} pictures`,
  check: (name) => `Checking the ${name === "test" ? "test" : "training"} pictures`,
  draft: (name) => `Drafting labels of the ${name === "test" ? "test" : "training"} pictures`,
  export: (name) => `Exporting the pictures as ${name}`,
  sample: () => "Trying it with drawn cars",
  package: (name) => `Packaging “${name}”`,
  trial: (name) => `Trying a model: “${name}”`,
};
const FAILED = {
  train: (name) => `Training of version ${name}`,
  host: (name) => `Start of version ${name}`,
  unhost: (name) => `Stop of version ${name}`,
  delete_model: (name) => `Deletion of version ${name}`,
  dataset: (name) => `The ${name === "test" ? "test" : "training"} pictures`,
  check: (name) => `Check of the ${name === "test" ? "test" : "training"} pictures`,
  draft: (name) => `Drafts of the ${name === "test" ? "test" : "training"} pictures`,
  export: (name) => `Export of the pictures as ${name}`,
  sample: () => "The trial with drawn cars",
  package: (name) => `Package “${name}”`,
  trial: (name) => `Trial “${name}”`,
};
const REMEDIES = {
  train: "Look at the training",
  host: "To the models",
  unhost: "To the models",
  delete_model: "To the models",
  package: "To the models",
  trial: "To the trial",
};

/** What a job does, such as "Training version 3". */
export const doing = (job) => (DOING[job.kind] ?? ((name) => `${job.kind.replaceAll("_", " ")} ${name}`))(job.name);

/** What failed, such as "Training of version 3". */
export const whatFailed = (failure) => (FAILED[failure.kind] ?? ((name) => `${failure.kind.replaceAll("_", " ")} ${name}`))(failure.name);

/**
 * Where one does something about a job or a failure.
 * @param {{kind: string, about: string, project: string, name: string}} one
 * @returns {{to: string, name: string}}
 */
export function remedy(one) {
  const name = REMEDIES[one.kind] ?? "To the pictures";
  if (one.kind === "train") return { to: at`/projects/${one.project}/train`, name };
  if (one.kind === "check") return { to: at`/projects/${one.project}/check`, name: "To the check" };
  if (one.kind === "draft") return { to: `${at`/projects/${one.project}/label`}?kind=${one.name}`, name: "To the labels" };
  if (one.about === "trial") return { to: at`/projects/${one.project}/try/${one.name}`, name };
  if (one.about === "model" || one.about === "packaging") return { to: at`/projects/${one.project}/models`, name: REMEDIES[one.kind] ?? "To the models" };
  return { to: at`/projects/${one.project}/dataset`, name };
}

/** How far a job is, from 0 to 1; null where that is not known. */
export const shareOf = (job) => (job.of ? Math.min(1, (job.done ?? 0) / job.of) : null);

/** How far a job is, in words. */
export function progressOf(job) {
  if (job.state === "due" && job.attempts) return `Tried ${job.attempts === 1 ? "once" : `${job.attempts} times`}, tried again soon: ${job.error ?? ""}`;
  if (job.state === "due") return "Waiting for its turn";
  if (!job.doing) return "Under way";
  return job.of ? `${job.doing}: ${job.done ?? 0} of ${job.of}` : job.doing;
}

/**
 * What is wrong with a watch, a sentence each.
 * @param {any} watch as GET /watches tells it.
 * @returns {string[]}
 */
export function troubles(watch) {
  const dead = watch.dead ?? {};
  const found = watch.status ? [watch.status] : [];
  if (dead.arrival) found.push(`${plural(dead.arrival, "picture or video", "pictures or videos")} could not be looked at.`);
  if (dead.event) found.push(`${plural(dead.event, "event was", "events were")} not understood.`);
  for (const sink of watch.sinks ?? []) {
    if (sink.dead) found.push(`${plural(sink.dead, "result")} never got to ${sink.sink}.`);
    if (sink.error) found.push(`${plural(sink.waiting, "result")} still to be taken to ${sink.sink}: ${sink.error}`);
  }
  return found;
}
