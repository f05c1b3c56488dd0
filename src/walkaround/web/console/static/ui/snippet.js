/** Text to be copied. */

import { html } from "../vendor/preact.js";
import { Button } from "./button.js";
import { say } from "./toast.js";

/** Put text on the clipboard; where the browser forbids that (a page without https), select it. */
export async function copy(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    getSelection().selectAllChildren(element);
    say("Press Ctrl-C to copy what is selected.");
  }
}

/**
 * Lines of code with a button that copies them.
 * @param {{code: string, label: string}} properties
 */
export function Snippet({ code, label }) {
  let place = null;
  return html`<div class="snippet">
    <pre tabindex="0" aria-label=${label} ref=${(element) => (place = element)}><code>${code}</code></pre>
    <${Button} kind="quiet" icon="copy" onPress=${() => copy(code, place)}>Copy</${Button}>
  </div>`;
}
