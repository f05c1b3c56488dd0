/** What is pressed. */

import { html, useState } from "../vendor/preact.js";
import { failed } from "./toast.js";
import { Icon } from "./icon.js";

/**
 * A button; while what it began is being done, it says so and cannot be pressed again, yet keeps the focus. What goes wrong is told in a toast.
 * @param {{kind?: "main"|"plain"|"quiet"|"danger", icon?: string, onPress?: () => unknown, disabled?: boolean, children?: any}} properties
 */
export function Button({ kind = "plain", icon, onPress, disabled = false, children, type = "button", ...others }) {
  const [busy, setBusy] = useState(false);
  const press = async (event) => {
    if (!onPress || busy) return;
    const doing = onPress(event);
    if (!(doing instanceof Promise)) return;
    setBusy(true);
    try {
      await doing;
    } catch (problem) {
      failed(problem);
    } finally {
      setBusy(false);
    }
  };
  return html`<button type=${type} class="button ${kind}" disabled=${disabled} aria-disabled=${busy || undefined} aria-busy=${busy} onClick=${press} ...${others}>
    ${icon && html`<${Icon} name=${icon} />`}${children}
  </button>`;
}

/**
 * A button that shows a drawing alone; `label` is its name.
 * @param {{icon: string, label: string, onPress: () => unknown, kind?: string}} properties
 */
export function IconButton({ icon, label, kind = "quiet", ...others }) {
  return html`<${Button} kind="${kind} square" icon=${icon} aria-label=${label} title=${label} ...${others} />`;
}
