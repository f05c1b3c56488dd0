/** Keys that do something on a page, and the window that tells which. */

import { html, useEffect, useRef } from "../vendor/preact.js";
import { Dialog } from "./dialog.js";

/**
 * Do something at a key, unless the reader is writing in a field or a window is open.
 * @param {Record<string, (event: KeyboardEvent) => void>} keys by `event.key`, letters in lower case, with "Ctrl+", "Shift+" before them, such as "Ctrl+z".
 */
export function useKeys(keys) {
  const newest = useRef(keys);
  newest.current = keys;
  useEffect(() => {
    const press = (event) => {
      if (event.target.closest?.("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, dialog, [contenteditable]")) return;
      if (document.querySelector("dialog[open]")) return; // also where the focus got lost, as with a button that went away
      const act = newest.current[nameOf(event)];
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

function nameOf(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && (event.key.length > 1 || /[a-z]/.test(key)); // "?" is typed with Shift, and is "?"
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${key}`;
}

/**
 * The window with all keys of a page.
 * @param {{groups: {title: string, keys: [string[], string][]}[], onClose: () => void}} properties each key with what it does.
 */
export function KeysHelp({ groups, onClose }) {
  return html`<${Dialog} title="Keys" onClose=${onClose} wide=${true}>
    <div class="keys-help">
      ${groups.map(
        (group) => html`<section key=${group.title}>
          <h3>${group.title}</h3>
          <dl>
            ${group.keys.map(([names, what]) => html`<div><dt>${names.map((name) => html`<kbd>${name}</kbd> `)}</dt><dd>${what}</dd></div>`)}
          </dl>
        </section>`,
      )}
    </div>
  </${Dialog}>`;
}
