/** Keeps what is said of each picture on the server: at once, again where that fails, and never over what somebody else said. */

import { signal } from "../../vendor/preact.js";
import { at, send } from "../../api.js";
import { documentOf, requestOf, sameDocument } from "./document.js";
import { begun, done } from "./history.js";

const WAIT_MS = 700; // after the last change, before it is sent
const AGAIN_MS = [1000, 2000, 4000, 8000];
const LONG_MS = 2500; // after which a request is told as one that is still being tried

/**
 * A picture that is worked on.
 * @typedef {object} Entry
 * @property {string} picture its address.
 * @property {any} told what the server told last.
 * @property {import("./document.js").Document} saved what the server has.
 * @property {{value: import("./history.js").History<any>}} history what is said now, and what was before.
 * @property {{value: {name: "saved"|"changed"|"saving"|"trying"|"waiting"|"conflict"|"refused", problem?: Error, current?: any}}} state
 */

/** @returns {Entry} a picture as the server tells of it. */
export function entryOf(told) {
  const document = documentOf(told);
  return { picture: told.picture, told, saved: document, history: signal(begun(document)), state: signal({ name: "saved" }) };
}

/** Take over what the server tells of a picture whose changes are all saved; Undo brings the former back. */
export function renew(entry, told) {
  if (!sameDocument(entry.history.value.present, entry.saved)) return; // somebody is at work on it; saving will tell
  entry.told = told;
  entry.saved = documentOf(told);
  entry.history.value = done(entry.history.value, entry.saved);
}

/**
 * What saves the pictures of one dataset.
 * @param {string} project
 * @param {string} kind train or test.
 */
export function makeSaver(project, kind) {
  const path = at`/projects/${project}/datasets/${kind}/labelling`;
  const open = new Set(); // entries that are not saved
  const waiting = signal(0);
  const tell = (entry, state) => {
    entry.state.value = state;
    if (state.name === "saved") open.delete(entry);
    else open.add(entry);
    waiting.value = open.size;
  };

  /** Say something else of a picture; it is sent soon. */
  function change(entry, document, options) {
    entry.history.value = done(entry.history.value, document, options);
    touched(entry);
  }

  /** What is said was changed, by undoing for instance. */
  function touched(entry, { soon = true } = {}) {
    if (entry.state.value.name === "conflict") return;
    if (sameDocument(entry.history.value.present, entry.saved) && !entry.pushing) {
      clearTimeout(entry.timer);
      tell(entry, { name: "saved" });
      return;
    }
    if (!entry.pushing) tell(entry, { name: "changed" });
    clearTimeout(entry.timer);
    if (soon) entry.timer = setTimeout(() => push(entry), WAIT_MS);
  }

  /** Send what is not saved of a picture, now. */
  function push(entry, { answer = false } = {}) {
    clearTimeout(entry.timer);
    if (entry.state.value.name === "conflict") return Promise.resolve();
    entry.pushing ??= pushed(entry, answer).finally(() => {
      entry.pushing = null;
    });
    return entry.pushing;
  }

  async function pushed(entry, answer) {
    for (let failures = 0, first = answer; ; ) {
      const document = entry.history.value.present;
      if (!first && sameDocument(document, entry.saved)) {
        tell(entry, { name: "saved" });
        return;
      }
      tell(entry, failures ? entry.state.value : { name: "saving" });
      const slow = setTimeout(() => entry.state.value.name === "saving" && tell(entry, { name: "trying" }), LONG_MS);
      try {
        const body = requestOf(document, entry.saved.places.length > 0);
        entry.told = await send("PUT", path, body, { query: { picture: entry.picture }, match: entry.told.version });
        entry.saved = document;
        failures = 0;
        first = false;
      } catch (problem) {
        if (problem.status === 409 && problem.document?.current) {
          tell(entry, { name: "conflict", problem, current: problem.document.current });
          return;
        }
        const busy = problem.status === 409;
        if (!busy && problem.status >= 400 && problem.status < 500 && problem.status !== 429) {
          tell(entry, { name: "refused", problem });
          return;
        }
        tell(entry, { name: busy ? "waiting" : "trying", problem });
        await pause(AGAIN_MS[Math.min(failures++, AGAIN_MS.length - 1)]);
      } finally {
        clearTimeout(slow);
      }
    }
  }

  /** End a conflict: what is said here goes over what is there, or the other way round; Undo brings the other back. */
  function settle(entry, mine) {
    const { current } = entry.state.value;
    entry.told = current;
    entry.saved = documentOf(current);
    if (!mine) {
      entry.history.value = done(entry.history.value, entry.saved);
      tell(entry, { name: "saved" });
      return Promise.resolve();
    }
    entry.history.value = { past: [...entry.history.value.past, entry.saved], present: entry.history.value.present, future: [] };
    tell(entry, { name: "changed" });
    return push(entry);
  }

  /** Send all that is not saved. */
  const pushAll = () => Promise.all([...open].map((entry) => push(entry)));

  return { change, touched, push, pushAll, settle, waiting, open };
}

/** Wait for some milliseconds, or until the machine is online again. */
function pause(milliseconds) {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      removeEventListener("online", go);
      resolve();
    };
    const timer = setTimeout(go, milliseconds);
    addEventListener("online", go);
  });
}
