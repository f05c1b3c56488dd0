/** Nothing here yet, not there yet, not to be had; and remarks. */

import { html } from "../vendor/preact.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";

/** Something is being read. */
export function Loading({ text = "Loading …" }) {
  return html`<div class="state loading" role="status"><span class="spinner" aria-hidden="true"></span>${text}</div>`;
}

/**
 * Nothing is here yet: why, and what to do.
 * @param {{icon?: string, title: string, children?: any}} properties
 */
export function Empty({ icon = "pictures", title, children }) {
  return html`<div class="state empty">
    <${Icon} name=${icon} />
    <h2>${title}</h2>
    ${children}
  </div>`;
}

/**
 * It did not work: the server's own sentence, and the way to try again.
 * @param {{problem: Error, onRetry?: () => unknown}} properties
 */
export function Failed({ problem, onRetry }) {
  return html`<div class="note failed" role="alert">
    <${Icon} name="failed" />
    <div>
      <p>${problem.message}</p>
      ${onRetry && html`<${Button} onPress=${onRetry}>Try again</${Button}>`}
    </div>
  </div>`;
}

/**
 * A remark inside a page.
 * @param {{kind?: "info"|"warning"|"failed"|"good", children: any}} properties
 */
export function Note({ kind = "info", children }) {
  const icon = { warning: "warning", failed: "failed", good: "whole" }[kind] ?? "info";
  return html`<div class="note ${kind}"><${Icon} name=${icon} /><div>${children}</div></div>`;
}

/**
 * A verdict as a word with a sign and a colour.
 * @param {{damaged: boolean, text?: string}} properties
 */
export function Verdict({ damaged, text }) {
  return html`<span class="verdict ${damaged ? "damaged" : "whole"}">
    <${Icon} name=${damaged ? "damaged" : "whole"} />${text ?? (damaged ? "damaged" : "whole")}
  </span>`;
}

/** A state such as TRAINED in a small coloured box: <Badge kind="good">hosted</Badge>. */
export function Badge({ kind = "plain", children }) {
  return html`<span class="badge ${kind}">${children}</span>`;
}
