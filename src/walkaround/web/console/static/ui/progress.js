/** How far something is. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { follow } from "../api.js";
import { count, duration } from "../formats.js";

/**
 * A bar from 0 to 1; without a share it only says that something goes on.
 * @param {{share?: number|null, text: string, stage?: string}} properties `stage`: what a screen reader says in place of the
 *   text, which counts on: nobody wants to hear every step; nothing where the page itself tells.
 */
export function ProgressBar({ share = null, text, stage = text }) {
  return html`<div class="progress">
    <progress max="1" ...${share === null ? {} : { value: share }} aria-label=${text}></progress>
    <p class="small muted" role=${stage === text ? "status" : undefined}>${text}</p>
    ${stage !== text && html`<p class="unseen" role="status">${stage}</p>`}
  </div>`;
}

/**
 * The progress of a job of the server, until it has ended; it may be left and come back to.
 * @param {{job: string, first?: string, onEnd?: (job: any) => void}} properties `first`: what it does before it tells.
 */
export function JobProgress({ job, first = "Working", onEnd = () => {} }) {
  const [state, setState] = useState(null);
  const [began, setBegan] = useState({ doing: null, at: 0, done: 0 });
  useEffect(
    () =>
      follow(job, (told) => {
        setState(told);
        setBegan((former) => (former.doing === told.doing ? former : { doing: told.doing, at: Date.now(), done: told.done ?? 0 }));
        if (told.state === "done" || told.state === "failed") onEnd(told);
      }),
    [job],
  );
  if (!state || state.state === "due") return html`<${ProgressBar} text="Waiting for its turn …" />`;
  if (state.state === "failed") return html`<p class="problem" role="alert">${state.error}</p>`;
  if (state.state === "done") return html`<${ProgressBar} share=${1} text="Done." />`;
  if (!state.of) return html`<${ProgressBar} text=${`${state.doing ?? first} …`} />`;
  const left = timeLeft(began, state);
  const text = `${state.doing}: ${count(state.done)} of ${count(state.of)}${left ? `, about ${left} left` : ""}`;
  return html`<${ProgressBar} share=${state.done / state.of} text=${text} stage=${state.doing} />`;
}

function timeLeft(began, state) {
  const seconds = (Date.now() - began.at) / 1000;
  const gone = state.done - began.done;
  return seconds > 3 && gone > 0 && state.done < state.of ? duration(((state.of - state.done) * seconds) / gone) : null;
}
