/** Changes of a dataset, one after the other: the server takes the next one when the one before is done. */

import { signal } from "../../vendor/preact.js";
import { at, finished, get, send } from "../../api.js";
import { failed } from "../../ui/toast.js";

const PATIENCE_MS = 30000;
const PAUSE_MS = 300;
const AT_ONCE = 5000;
const CONFLICT = 409;
const REFUSED = /^UPDATE_FAILED/;

/** Changes that are not done yet. */
export const waiting = signal(0);
let last = Promise.resolve();

/**
 * Give pictures a label, or take theirs away.
 * @param {string} project
 * @param {string} kind train or test.
 * @param {number[]} entries ids.
 * @param {"normal"|"anomaly"|null} label
 * @returns {Promise<void>} when it is done.
 */
export function label(project, kind, entries, label) {
  return inTurn(async () => {
    for (let start = 0; start < entries.length; start += AT_ONCE) {
      const some = entries.slice(start, start + AT_ONCE);
      const told = await patiently(() => send("POST", at`/projects/${project}/datasets/${kind}/gallery/labels`, { entries: some, label }));
      if (told.job) await taken(project, kind, told.job);
    }
  });
}

/**
 * Take pictures out of a dataset.
 * @returns {Promise<{pictures: number, removal: number}>}
 */
export function remove(project, kind, entries) {
  return inTurn(() => patiently(() => send("POST", at`/projects/${project}/datasets/${kind}/removals`, { entries })));
}

/** Put pictures back that were taken out, by the number of the removal. */
export function putBack(project, kind, removal) {
  return inTurn(async () => {
    const told = await patiently(() => send("DELETE", at`/projects/${project}/datasets/${kind}/removals/${removal}`));
    if (told.job) await taken(project, kind, told.job);
  });
}

/** Wait for a change; one that the dataset did not take, such as “whole” of a picture with a box on it, is an error that says why. */
async function taken(project, kind, job) {
  await finished(job);
  const { status, message } = await get(at`/projects/${project}/datasets/${kind}`);
  if (REFUSED.test(status)) throw new Error(message || "The change was not taken.");
}

/** Whether a change that came too soon can be tried again, and is, until it is taken. */
export async function patiently(change) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await change();
    } catch (problem) {
      if (problem.status !== CONFLICT || Date.now() > until) throw problem;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

function inTurn(change) {
  waiting.value += 1;
  const mine = last.then(change);
  last = mine.catch(() => {}).finally(() => {
    waiting.value -= 1;
  });
  mine.catch(failed);
  return mine;
}
