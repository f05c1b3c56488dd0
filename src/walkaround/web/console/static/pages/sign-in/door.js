/** What the pages before the console have in common: one card in the middle, and a form that is sent once. */

import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { styled } from "../../ui/style_of_page.js";

export const styles = await styled(import.meta.url);

const LOGO = new URL("../../icon.svg", import.meta.url).href;

/**
 * The card.
 * @param {{title: string, children: any}} properties
 */
export function Door({ title, children }) {
  useEffect(() => {
    document.title = `${title} · walkaround`;
  }, [title]);
  return html`<div class="door">
    <p class="door-brand"><img src=${LOGO} alt="" />walkaround</p>
    <section class="panel" aria-label=${title}>
      <h1 tabindex="-1">${title}</h1>
      ${children}
    </section>
    <p class="small muted">Vehicle-damage inspection on your own machine. Nothing leaves it.</p>
  </div>`;
}

/**
 * The button that sends a form.
 * @param {{busy: boolean, children: any}} properties
 */
export function Submit({ busy, children }) {
  return html`<button type="submit" class="button main door-submit" disabled=${busy} aria-busy=${busy}>
    ${busy && html`<span class="spinner" aria-hidden="true"></span>`}${children}
  </button>`;
}

/**
 * Send a form: once at a time, and what goes wrong is kept to be shown in it.
 * @param {() => Promise<unknown>} act
 * @returns {{submit: (event: Event) => void, busy: boolean, problem: Error|null}}
 */
export function useSubmit(act) {
  const [state, setState] = useState({ busy: false, problem: null });
  const alive = useRef(true);
  useEffect(() => () => {
    alive.current = false;
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    setState({ busy: true, problem: null });
    let problem = null;
    try {
      await act();
    } catch (error) {
      problem = error;
    }
    if (alive.current) setState({ busy: false, problem });
  };
  return { ...state, submit };
}
