/** Files on their way into a trial. They go on being sent while the reader moves between the pages of the console. */

import { signal } from "../../vendor/preact.js";
import { at, upload } from "../../api.js";
import { batches, kindOfFile } from "./batches.js";
import { fitted } from "./fit_picture.js";

const AT_ONCE = 2;
const ATTEMPTS = 6;
const PAUSE_MS = 1500;
const AGAIN = [0, 408, 429, 502, 503, 504];
const FULL = "videos_per_trial"; // as many videos wait as may: they are taken one after the other
const FULL_PAUSE_MS = 6000;

/** What is being sent, by project and trial: {sent, total: bytes; done, files: counts; refused: {name, reason}[]; busy: boolean}. */
const sendings = signal({});

/**
 * What is being sent into a trial; undefined where nothing was.
 * @param {string} project
 * @param {string} trial
 */
export const sendingOf = (project, trial) => sendings.value[`${project}/${trial}`];

const stops = new Map();

/** Send no more of the files that are on their way; what was sent stays. */
export function stopSending(project, trial) {
  stops.get(`${project}/${trial}`)?.abort();
}

/** Forget the list of what was refused. */
export function forget(project, trial) {
  const { [`${project}/${trial}`]: gone, ...others } = sendings.value;
  if (!gone?.busy) sendings.value = others;
}

/**
 * Send files into a trial, which is begun by the first of them.
 * @param {{project: string, trial: string, model?: string, frames?: number}} to `frames`: at most, of each video.
 * @param {File[]} files
 * @param {(trial: any) => void} [onKept] called with the trial each time some of them were kept.
 * @returns {Promise<{kept: boolean, refused: {name: string, reason: string}[]}>} when all have been sent.
 */
export async function sendFiles(to, files, onKept = () => {}) {
  const key = `${to.project}/${to.trial}`;
  const other = files.filter((file) => kindOfFile(file) === "other");
  const groups = batches(files.filter((file) => kindOfFile(file) !== "other"));
  const former = sendings.value[key];
  const state = {
    total: (former?.busy ? former.total : 0) + groups.flat().reduce((sum, file) => sum + file.size, 0),
    sent: former?.busy ? former.sent : 0,
    files: (former?.busy ? former.files : 0) + groups.flat().length,
    done: former?.busy ? former.done : 0,
    refused: [...(former?.refused ?? []), ...other.map(({ name }) => ({ name, reason: "It is no picture, video or zip archive." }))],
    open: (former?.open ?? 0) + groups.length,
    busy: groups.length > 0,
  };
  const tell = (change) => {
    const now = sendings.value[key] ?? state;
    sendings.value = { ...sendings.value, [key]: { ...now, ...change(now) } };
  };
  sendings.value = { ...sendings.value, [key]: state };
  const stop = former?.busy ? stops.get(key) : new AbortController();
  stops.set(key, stop);
  let kept = false;
  const take = async () => {
    for (let group = groups.shift(); group; group = groups.shift()) {
      const size = group.reduce((sum, file) => sum + file.size, 0);
      let told = 0;
      const progress = (share) => {
        const more = Math.round(size * share) - told;
        told += more;
        tell((now) => ({ sent: now.sent + more }));
      };
      const { trial, refused } = await sendGroup(to, group, { onProgress: progress, signal: stop.signal });
      progress(1);
      tell((now) => ({ done: now.done + group.length, refused: [...now.refused, ...refused], open: now.open - 1, busy: now.open > 1 }));
      if (trial) {
        kept = true;
        onKept(trial);
      }
    }
  };
  // The first request begins the trial; the others follow when it is there.
  await Promise.all(Array.from({ length: AT_ONCE }, take));
  return { kept, refused: sendings.value[key]?.refused ?? [] };
}

async function sendGroup({ project, trial, model, frames }, group, { onProgress, signal }) {
  const form = new FormData();
  for (const file of group) {
    const ready = kindOfFile(file) === "picture" ? await fitted(file) : file;
    form.append("files", ready, ready.name.split("/").at(-1));
  }
  const query = { model, frames };
  for (let attempt = 1; ; attempt++) {
    if (signal.aborted) return { trial: null, refused: group.map(({ name }) => ({ name, reason: "It was not sent." })) };
    try {
      const told = await upload(at`/projects/${project}/trials/${trial}/pictures`, form, { query, onProgress, signal });
      return { trial: told, refused: told.refused ?? [] };
    } catch (problem) {
      if (problem.name === "AbortError") continue;
      if (problem.document?.quota === FULL) {
        await new Promise((resolve) => setTimeout(resolve, FULL_PAUSE_MS));
        continue;
      }
      if (AGAIN.includes(problem.status) && attempt < ATTEMPTS) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
        continue;
      }
      const refused = problem.document?.refused ?? group.map(({ name }) => ({ name, reason: problem.message }));
      return { trial: null, refused };
    }
  }
}

addEventListener("beforeunload", (event) => {
  if (Object.values(sendings.value).some((one) => one.busy)) event.preventDefault();
});
