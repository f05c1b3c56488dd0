/** A training as it goes on: told by the server as it happens, and again after the page was left, the line was cut or the server restarted. */

import { useEffect, useState } from "../../vendor/preact.js";
import { address, at, get, Problem } from "../../api.js";
import { joined } from "./fold.js";

const AGAIN_MS = 2000;
const ENDED = ["done", "failed", "cancelled"];

/** Whether a training goes on no more. */
export const hasEnded = (training) => ENDED.includes(training?.state);

/**
 * Follow a training.
 * @param {string} project
 * @param {string|null} version null: none.
 * @param {(training: any) => void} [onEnd] called when it ends while it is looked at.
 * @returns {{training: any|null, log: import("./fold.js").Line[], away: boolean, problem: Error|null}} `away`: the server does not answer just now.
 */
export function useTraining(project, version, onEnd = () => {}) {
  const [state, setState] = useState(NOTHING);
  useEffect(() => {
    setState(NOTHING);
    if (version === null) return undefined;
    return following(at`/projects/${project}/models/${version}/training`, (change) => setState(change), onEnd);
  }, [project, version]);
  return state;
}

const NOTHING = { training: null, log: [], away: false, problem: null };

function following(path, change, onEnd) {
  let [source, timer, stopped, seen] = [null, null, false, false];
  const take = (told) => {
    change((former) => ({ training: told, log: joined(former.log, told.log), away: false, problem: null }));
    if (hasEnded(told) && seen) onEnd(told);
    seen = !hasEnded(told);
  };
  const open = () => {
    if (stopped) return;
    source = new EventSource(address(`${path}/events`));
    source.addEventListener("training", (event) => take(JSON.parse(event.data)));
    source.addEventListener("end", () => source.close());
    source.onerror = () => {
      change((former) => ({ ...former, away: true }));
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(ask, AGAIN_MS);
    };
  };
  const ask = async () => {
    try {
      const told = await get(path);
      if (stopped) return;
      take(told);
      if (!hasEnded(told)) open();
    } catch (problem) {
      if (stopped) return;
      if (problem instanceof Problem && problem.status >= 400 && problem.status < 500) change((former) => ({ ...former, problem }));
      else timer = setTimeout(ask, AGAIN_MS);
    }
  };
  ask();
  return () => {
    stopped = true;
    clearTimeout(timer);
    source?.close();
  };
}
