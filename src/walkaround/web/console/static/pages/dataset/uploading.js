/** An upload that goes on while its page is left: files in parts, one request after the other, with what became of each. */

import { signal } from "../../vendor/preact.js";
import { at, finished, get, send, upload } from "../../api.js";
import { plural } from "../../formats.js";
import { say } from "../../ui/toast.js";
import { parts } from "./folders.js";
import { fitting } from "./reducing.js";

const AT_MOST = { files: 25, bytes: 24_000_000 };
const TRIES = 4;
const PAUSE_MS = 1200;
const AGAIN = [0, 408, 409, 429, 502, 503, 504];

/**
 * The uploads by "PROJECT KIND"; each is {files, bytes, sent, done, added, known, reduced, refused: {name, reason}[], unsent: File[], state: "running"|"done"|"stopped"|"failed", problem, current}.
 */
export const uploads = signal({});
const stops = new Map();

addEventListener("beforeunload", (event) => {
  if (Object.values(uploads.value).some((one) => one.state === "running")) event.preventDefault();
});

/** Name of the upload into a dataset. */
export const nameOf = (project, kind) => `${project} ${kind}`;

/**
 * Begin to send files into a dataset.
 * @param {string} project
 * @param {string} kind train or test.
 * @param {{files: File[], label: string|null, classes?: boolean}[]} groups files that get one label; `classes`: folders of archives are classes.
 * @param {{name: string, reason: string}[]} refused files that are not sent at all.
 * @returns {Promise<void>} when all are sent, or the reader has stopped it.
 */
export async function begin(project, kind, groups, refused = []) {
  const name = nameOf(project, kind);
  const stop = new AbortController();
  stops.get(name)?.abort();
  stops.set(name, stop);
  const files = groups.flatMap((group) => group.files);
  const state = { files: files.length, bytes: total(files), sent: 0, done: 0, added: 0, known: 0, reduced: 0, refused, unsent: [], state: "running", problem: null };
  const tell = (changes) => {
    Object.assign(state, changes);
    uploads.value = { ...uploads.value, [name]: { ...state } };
  };
  tell({});
  let job = null;
  const queue = groups.flatMap((group) => parts(group.files, AT_MOST).map((some) => ({ ...group, files: some })));
  try {
    await ensured(project, kind);
  } catch (problem) {
    tell({ state: "failed", problem: problem.message, unsent: queue });
    return;
  }
  while (queue.length && !stop.signal.aborted) {
    const part = queue[0];
    const before = state.sent;
    try {
      const told = await sendPart(project, kind, part, { signal: stop.signal, onProgress: (bytes) => tell({ sent: before + bytes }), onReduced: (number) => tell({ reduced: state.reduced + number }) });
      job = told.job ?? job;
      const added = told.added.length - (told.known ?? 0);
      tell({ added: state.added + added, known: state.known + (told.known ?? 0), refused: [...state.refused, ...told.refused] });
    } catch (problem) {
      if (stop.signal.aborted) break;
      if (problem.document?.refused) tell({ refused: [...state.refused, ...problem.document.refused] });
      else if (problem.status === 400 || problem.status === 413) tell({ refused: [...state.refused, ...part.files.map((file) => ({ name: file.name, reason: problem.message }))] });
      else {
        tell({ state: "failed", problem: problem.message, unsent: queue, sent: before });
        return;
      }
    }
    queue.shift();
    tell({ sent: before + total(part.files), done: state.done + part.files.length });
  }
  if (job) await finished(job).catch((problem) => tell({ problem: problem.message }));
  const stopped = stop.signal.aborted;
  tell({ state: stopped ? "stopped" : state.problem ? "failed" : "done", unsent: queue });
  if (!stopped && !state.problem) say(`${plural(state.added, "picture")} added${state.refused.length ? `, ${state.refused.length} refused` : ""}.`);
}

/** Stop an upload; what was sent stays. */
export function stop(project, kind) {
  stops.get(nameOf(project, kind))?.abort();
}

/** Send what is left of an upload that failed or was stopped. */
export function goOn(project, kind) {
  const former = uploads.value[nameOf(project, kind)];
  return begin(project, kind, former.unsent, former.refused);
}

/** Forget an upload that has ended. */
export function forget(project, kind) {
  const { [nameOf(project, kind)]: _, ...others } = uploads.value;
  uploads.value = others;
}

/** Have a dataset that pictures can go into; one that is not there is made. */
export async function ensured(project, kind) {
  try {
    await get(at`/projects/${project}/datasets/${kind}`);
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    await send("POST", at`/projects/${project}/datasets`, { kind });
  }
}

async function sendPart(project, kind, { files, label, classes }, { signal, onProgress, onReduced }) {
  const form = new FormData();
  let reduced = 0;
  for (const file of files) {
    const fit = /\.zip$/i.test(file.name) ? { file, reduced: false } : await fitting(file);
    reduced += fit.reduced ? 1 : 0;
    form.append("files", fit.file, file.name);
  }
  if (reduced) onReduced(reduced);
  const size = total(files);
  const query = { label, folders: classes ? "classes" : null };
  for (let tries = 1; ; tries += 1) {
    try {
      return await upload(at`/projects/${project}/datasets/${kind}/pictures`, form, { query, signal, onProgress: (share) => onProgress(share * size) });
    } catch (problem) {
      if (signal.aborted || tries === TRIES || !AGAIN.includes(problem.status)) throw problem;
      onProgress(0);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tries));
    }
  }
}

const total = (files) => files.reduce((sum, file) => sum + file.size, 0);
