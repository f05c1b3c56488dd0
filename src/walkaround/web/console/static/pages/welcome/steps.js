/** The steps from nothing to a hosted model, and how far each is. */

import { html } from "../../vendor/preact.js";
import { count } from "../../formats.js";
import { Icon } from "../../ui/icon.js";
import { ProgressBar } from "../../ui/progress.js";
import { Note } from "../../ui/state.js";

const NAMES = {
  draw: "Draw cars",
  dataset: "Put them into a dataset",
  train: "Train a model",
  start: "Start the model",
};
const STATES = { waiting: "to come", running: "going on", done: "done", failed: "failed" };

/** What is being done, in a few words. */
export function doing(step) {
  if (!step.of || step.of < 2) return step.doing ? `${step.doing} …` : "Waiting for its turn …";
  return `${step.doing}: ${count(step.done)} of ${count(step.of)}`;
}

/**
 * The list.
 * @param {{sample: {project: string, state: string, error: string|null, steps: object[]}}} properties
 */
export function Steps({ sample }) {
  return html`<p>${heading(sample)}</p>
    <ol class="welcome-steps">
      ${sample.steps.map((step) => html`<${Step} key=${step.step} step=${step} />`)}
    </ol>
    <p class="unseen" role="status">${spoken(sample)}</p>
    ${sample.error && html`<${Note} kind=${sample.state === "failed" ? "failed" : "warning"}><p>${sample.error}</p></${Note}>`}`;
}

function Step({ step }) {
  return html`<li class=${step.state} aria-current=${step.state === "running" ? "step" : undefined}>
    <${Mark} state=${step.state} />
    <div>
      <span>${NAMES[step.step]}</span> <span class="small muted">${STATES[step.state]}</span>
      ${step.state === "running" && html`<${ProgressBar} share=${step.of > 1 ? step.done / step.of : null} text=${doing(step)} stage="" />`}
    </div>
  </li>`;
}

function Mark({ state }) {
  if (state === "done") return html`<${Icon} name="whole" />`;
  if (state === "failed") return html`<${Icon} name="failed" />`;
  return html`<span class=${state === "running" ? "spinner" : "welcome-dot"} aria-hidden="true"></span>`;
}

function heading(sample) {
  if (sample.state === "done") return html`The project <strong>${sample.project}</strong> has a model, and it is running.`;
  if (sample.state === "failed") return html`The project <strong>${sample.project}</strong> could not be made ready.`;
  return html`The project <strong>${sample.project}</strong> is being made.`;
}

/** What a screen reader says: the step, not every number. */
function spoken(sample) {
  const step = sample.steps.find((one) => one.state === "running" || one.state === "failed");
  return step ? `${NAMES[step.step]}: ${STATES[step.state]}` : "The model is running.";
}
