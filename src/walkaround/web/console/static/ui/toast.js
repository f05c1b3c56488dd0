/** Short messages at the edge of the screen: what was done, what went wrong, and the way back. */

import { html, signal } from "../vendor/preact.js";
import { Icon } from "./icon.js";

const SHOWN_MS = 6000;
const shown = signal([]);
let last = 0;

/**
 * Say something in passing.
 * @param {string} text one sentence.
 * @param {{kind?: "info"|"failed", action?: {name: string, act: () => unknown}}} [options] `action`: such as Undo.
 */
export function say(text, { kind = "info", action } = {}) {
  const number = ++last;
  shown.value = [...shown.value.slice(-3), { number, text, kind, action }];
  if (kind !== "failed") setTimeout(() => dismiss(number), SHOWN_MS);
}

/** Tell what went wrong; what was stopped on purpose is not told. */
export function failed(problem) {
  if (problem?.name === "AbortError") return;
  console.error(problem);
  say(problem?.message || "It did not work.", { kind: "failed" });
}

function dismiss(number) {
  shown.value = shown.value.filter((one) => one.number !== number);
}

/** The place of the messages; once, in the shell. */
export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.value.map(
      (one) => html`<div key=${one.number} class="toast ${one.kind}">
        <${Icon} name=${one.kind === "failed" ? "failed" : "info"} />
        <span>${one.text}</span>
        ${one.action &&
        html`<button
          type="button"
          onClick=${() => {
            dismiss(one.number);
            one.action.act();
          }}
        >
          ${one.action.name}
        </button>`}
        <button type="button" aria-label="Dismiss" onClick=${() => dismiss(one.number)}><${Icon} name="close" /></button>
      </div>`,
    )}
  </div>`;
}
