/** What is filled in: each with its label, a hint, and what is wrong with it. */

import { html, useId } from "../vendor/preact.js";

/**
 * A label with its control. `children` is a function that is given the attributes for the control.
 * @param {{label: string, hint?: any, problem?: string|null, children: (attributes: object) => any}} properties
 */
export function Field({ label, hint, problem, children }) {
  const id = useId();
  const told = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children({ id, "aria-describedby": told || undefined, "aria-invalid": problem ? "true" : undefined })}
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${problem && html`<p class="problem" id="${id}-problem">${problem}</p>`}
  </div>`;
}

/**
 * A line of text, a number, a date or a password.
 * @param {{label: string, value: string|number, onInput: (value: string) => void, hint?: any, problem?: string|null, type?: string}} properties
 */
export function TextField({ label, hint, problem, value, onInput, type = "text", ...others }) {
  return html`<${Field} label=${label} hint=${hint} problem=${problem}>
    ${(attributes) =>
      html`<input class="input" type=${type} value=${value} onInput=${(event) => onInput(event.currentTarget.value)} ...${attributes} ...${others} />`}
  </${Field}>`;
}

/**
 * One of a list.
 * @param {{label: string, value: string, options: [string, string][], onChange: (value: string) => void, hint?: any}} properties `options`: value and text.
 */
export function SelectField({ label, hint, problem, value, options, onChange, ...others }) {
  return html`<${Field} label=${label} hint=${hint} problem=${problem}>
    ${(attributes) => html`<select class="input" onChange=${(event) => onChange(event.currentTarget.value)} ...${attributes} ...${others}>
      ${options.map(([one, text]) => html`<option key=${one} value=${one} selected=${one === value}>${text}</option>`)}
    </select>`}
  </${Field}>`;
}

/**
 * A box to tick.
 * @param {{label: any, checked: boolean, onChange: (checked: boolean) => void}} properties
 */
export function CheckField({ label, checked, onChange, ...others }) {
  return html`<label class="check">
    <input type="checkbox" checked=${checked} onChange=${(event) => onChange(event.currentTarget.checked)} ...${others} />
    <span>${label}</span>
  </label>`;
}

/**
 * A few choices beside each other, of which one is taken.
 * @param {{label: string, value: string, options: [string, any][], onChange: (value: string) => void}} properties
 */
export function Choice({ label, value, options, onChange }) {
  const name = useId();
  return html`<fieldset class="choice">
    <legend class="unseen">${label}</legend>
    ${options.map(
      ([one, text]) => html`<label key=${one} class=${one === value ? "chosen" : ""}>
        <input class="unseen" type="radio" name=${name} value=${one} checked=${one === value} onChange=${() => onChange(one)} />
        <span>${text}</span>
      </label>`,
    )}
  </fieldset>`;
}
