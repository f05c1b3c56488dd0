/** Views of one thing beside each other; the arrows move between them. */

import { html, useId } from "../vendor/preact.js";

/**
 * @param {{label: string, value: string, options: [string, any][], onChange: (value: string) => void, children: any}} properties `children`: of the view that is shown.
 */
export function Tabs({ label, value, options, onChange, children }) {
  const id = useId();
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const index = options.findIndex(([one]) => one === value);
    const [next] = options[(index + step + options.length) % options.length];
    onChange(next);
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return html`<div class="tabs">
    <div role="tablist" aria-label=${label} onKeyDown=${move}>
      ${options.map(
        ([one, text]) => html`<button
          key=${one}
          type="button"
          role="tab"
          id="${id}-${one}"
          aria-selected=${one === value}
          aria-controls="${id}-panel"
          tabindex=${one === value ? 0 : -1}
          onClick=${() => onChange(one)}
        >
          ${text}
        </button>`,
      )}
    </div>
    <div role="tabpanel" id="${id}-panel" aria-labelledby="${id}-${value}">${children}</div>
  </div>`;
}
