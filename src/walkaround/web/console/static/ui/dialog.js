/** Windows over the page: the browser's own <dialog>, which keeps the focus and closes with Escape. */

import { html, render, useEffect, useRef } from "../vendor/preact.js";
import { Button, IconButton } from "./button.js";

const CAN_HAVE_FOCUS = "a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary, [tabindex='0']";

/**
 * A window that is there while it is rendered. The focus begins with what is in it, not with the button that closes it.
 * @param {{title: string, onClose: () => void, unsaved?: () => boolean, wide?: boolean, children: any}} properties
 *   `unsaved`: whether something would be lost, which is asked about before the window is closed by Escape or its corner.
 */
export function Dialog({ title, onClose, unsaved = () => false, wide = false, children }) {
  const element = useRef(null);
  useEffect(() => {
    const dialog = element.current;
    const back = document.activeElement;
    dialog.showModal();
    const body = dialog.querySelector(".dialog-body");
    if (!body.contains(document.activeElement)) body.querySelector(CAN_HAVE_FOCUS)?.focus();
    return () => {
      dialog.close();
      back?.focus?.();
    };
  }, []);
  const leave = async () => {
    if (!unsaved() || (await confirm({ title: "Close without saving?", text: "What you changed here is lost.", action: "Close" }))) onClose();
  };
  return html`<dialog
    ref=${element}
    class=${wide ? "dialog wide" : "dialog"}
    aria-label=${title}
    onCancel=${(event) => {
      event.preventDefault();
      leave();
    }}
  >
    <header>
      <h2>${title}</h2>
      <${IconButton} icon="close" label="Close" onPress=${leave} />
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
