/** Short messages at the edge of the screen: what was done, what went wrong, and the way back. */

import { html, signal, useEffect, useState } from "../vendor/preact.js";
import { Icon } from "./icon.js";

const SHOWN_MS = 6000;
const ANSWERED_MS = 12000; // where there is something to press
const shown = signal([]);
let last = 0;

/**
 * Say something in passing.
 * @param {string} text one sentence.
 * @param {{kind?: "info"|"failed", action?: {name: string, act: () => unknown}}} [options] `action`: such as Undo.
 * @returns {() => void} takes it away before its time.
 */
export function say(text, { kind = "info", action } = {}) {
  const number = ++last;
  shown.value = [...shown.value.slice(-3), { number, text, kind, action }];
  return () => dismiss(number);
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
  return html`<div class="toasts" role="status" aria-live="polite">${shown.value.map((one) => html`<${Toast} key=${one.number} ...${one} />`)}</div>`;
}

/** One message; it stays for as long as somebody points at it or has the focus in it. */
function Toast({ number, text, kind, action }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held || kind === "failed") return undefined;
    const timer = setTimeout(() => dismiss(number), action ? ANSWERED_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [held]);
  const hold = () => setHeld(true);
  const release = () => setHeld(false);
  const answer = () => {
    dismiss(number);
    action.act();
  };
  return html`<div class="toast ${kind}" onMouseEnter=${hold} onMouseLeave=${release} onFocusIn=${hold} onFocusOut=${release}>
    <${Icon} name=${kind === "failed" ? "failed" : "info"} />
    <span>${text}</span>
    ${action && html`<button type="button" onClick=${answer}>${action.name}</button>`}
    <button type="button" aria-label="Dismiss" onClick=${() => dismiss(number)}><${Icon} name="close" /></button>
  </div>`;
}
