/** Windows over the page: the browser's own <dialog>, which keeps the focus and closes with Escape. */

import { html, render, useEffect, useRef } from "../vendor/preact.js";
import { Button, IconButton } from "./button.js";

/**
 * A window that is there while it is rendered.
 * @param {{title: string, onClose: () => void, wide?: boolean, children: any}} properties
 */
export function Dialog({ title, onClose, wide = false, children }) {
  const element = useRef(null);
  useEffect(() => {
    const dialog = element.current;
    const back = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      back?.focus?.();
    };
  }, []);
  return html`<dialog
    ref=${element}
    class=${wide ? "dialog wide" : "dialog"}
    aria-label=${title}
    onCancel=${(event) => {
      event.preventDefault();
      onClose();
    }}
  >
    <header>
      <h2>${title}</h2>
      <${IconButton} icon="close" label="Close" onPress=${onClose} />
    </header>
    <div class="dialog-body">${children}</div>
  </dialog>`;
}

/**
 * Ask before something that cannot be taken back.
 * @param {{title: string, text: string, action: string, danger?: boolean}} question
 * @returns {Promise<boolean>} whether to go on.
 */
export function confirm({ title, text, action, danger = true }) {
  return new Promise((resolve) => {
    const place = document.body.appendChild(document.createElement("div"));
    const answer = (agreed) => {
      render(null, place);
      place.remove();
      resolve(agreed);
    };
    render(
      html`<${Dialog} title=${title} onClose=${() => answer(false)}>
        <p>${text}</p>
        <div class="row end">
          <${Button} onPress=${() => answer(false)}>Cancel</${Button}>
          <${Button} kind=${danger ? "danger" : "main"} onPress=${() => answer(true)}>${action}</${Button}>
        </div>
      </${Dialog}>`,
      place,
    );
  });
}
