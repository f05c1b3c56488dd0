/** A button that opens a short list of things to do. */

import { html, useEffect, useId, useRef, useState } from "../vendor/preact.js";
import { Icon } from "./icon.js";
import { failed } from "./toast.js";

/**
 * @param {{label: string, icon?: string, items: {name: string, hint?: string, act?: () => unknown, href?: string}[]}} properties `href`: of a download.
 */
export function Menu({ label, icon, items }) {
  const [open, setOpen] = useState(false);
  const root = useRef(null);
  const id = useId();
  useEffect(() => {
    if (!open) return undefined;
    const close = (event) => !root.current?.contains(event.target) && setOpen(false);
    document.addEventListener("pointerdown", close);
    root.current.querySelector("[role=menuitem]")?.focus();
    return () => document.removeEventListener("pointerdown", close);
  }, [open]);
  const move = (event) => {
    if (event.key === "Escape") {
      setOpen(false);
      root.current.querySelector("button").focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !open) return;
    event.preventDefault();
    const all = [...root.current.querySelectorAll("[role=menuitem]")];
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
  };
  const choose = (item) => {
    setOpen(false);
    const doing = item.act?.();
    if (doing instanceof Promise) doing.catch(failed);
  };
  return html`<div class="menu" ref=${root} onKeyDown=${move}>
    <button type="button" class="button plain" aria-haspopup="menu" aria-expanded=${open} aria-controls=${id} onClick=${() => setOpen(!open)}>
      ${icon && html`<${Icon} name=${icon} />`}${label}<${Icon} name="down" />
    </button>
    ${open &&
    html`<div role="menu" id=${id} aria-label=${label}>
      ${items.map((item) =>
        item.href
          ? html`<a key=${item.name} role="menuitem" tabindex="-1" href=${item.href} download onClick=${() => setOpen(false)}>${item.name}${item.hint && html`<small>${item.hint}</small>`}</a>`
          : html`<button key=${item.name} type="button" role="menuitem" tabindex="-1" onClick=${() => choose(item)}>${item.name}${item.hint && html`<small>${item.hint}</small>`}</button>`,
      )}
    </div>`}
  </div>`;
}
