/** The top of a page, and the boxes that it is made of. */

import { html, useEffect } from "../vendor/preact.js";

/**
 * A page with its title, one sentence below it, and what can be done with all of it.
 * @param {{title: string, lead?: any, actions?: any, children: any}} properties
 */
export function Page({ title, lead, actions, children }) {
  useEffect(() => {
    document.title = `${title} · walkaround`;
  }, [title]);
  return html`<div class="page">
    <header class="page-head">
      <div>
        <h1 tabindex="-1">${title}</h1>
        ${lead && html`<p class="muted">${lead}</p>`}
      </div>
      ${actions && html`<div class="row">${actions}</div>`}
    </header>
    ${children}
  </div>`;
}

/**
 * A box of a page.
 * @param {{title?: string, actions?: any, children: any}} properties
 */
export function Panel({ title, actions, children, ...others }) {
  return html`<section class="panel" aria-label=${title} ...${others}>
    ${(title || actions) && html`<header><h2>${title}</h2>${actions && html`<div class="row">${actions}</div>`}</header>`}
    ${children}
  </section>`;
}

/**
 * A number with its name, large.
 * @param {{name: string, value: any, hint?: any}} properties
 */
export function Figure({ name, value, hint }) {
  return html`<div class="figure"><span class="name">${name}</span><strong>${value}</strong>${hint && html`<span class="small muted">${hint}</span>`}</div>`;
}
