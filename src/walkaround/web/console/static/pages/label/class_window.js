/** The window in which a project's classes are named, coloured and given keys. */

import { html, useState } from "../../vendor/preact.js";
import { at, send } from "../../api.js";
import { Button, IconButton } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";

const KEYS = ["", ..."123456789"];
const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#774444", "#9966ff", "#886655"];

/**
 * @param {{project: string, told: {classes: object[], version: string}, onSaved: (told: object) => void, onClose: () => void}} properties
 */
export function ClassWindow({ project, told, onSaved, onClose }) {
  const [classes, setClasses] = useState(told.classes);
  const [problem, setProblem] = useState(null);
  const set = (index, changes) => setClasses(classes.map((one, number) => (number === index ? { ...one, ...changes } : one)));
  const save = async () => {
    try {
      onSaved(await send("PUT", at`/projects/${project}/classes`, { classes }, { match: told.version }));
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`<${Dialog} title="Classes to label with" onClose=${onClose} wide=${true}>
    <p>For everybody who labels in this project. What is labelled already stays as it is.</p>
    <ul class="class-rows">
      ${classes.map(
        (one, index) => html`<li key=${index}>
          <input type="color" aria-label=${`Colour of ${one.name || "the new class"}`} value=${one.colour.toLowerCase()} onInput=${(event) => set(index, { colour: event.currentTarget.value })} />
          <input class="input" aria-label="Name" value=${one.name} maxlength="100" onInput=${(event) => set(index, { name: event.currentTarget.value })} />
          <select class="input" aria-label=${`Key of ${one.name || "the new class"}`} onChange=${(event) => set(index, { hotkey: event.currentTarget.value || null })}>
            ${KEYS.map((key) => html`<option key=${key} value=${key} selected=${(one.hotkey ?? "") === key}>${key || "no key"}</option>`)}
          </select>
          <${IconButton} icon="trash" label=${`Take away ${one.name || "the new class"}`} onPress=${() => setClasses(classes.filter((_, number) => number !== index))} />
        </li>`,
      )}
    </ul>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <div class="row">
      <${Button} icon="plus" onPress=${() => setClasses([...classes, { name: "", colour: COLOURS[classes.length % COLOURS.length], hotkey: null }])}>Another class</${Button}>
      <span class="gap"></span>
      <${Button} onPress=${onClose}>Cancel</${Button}>
      <${Button} kind="main" disabled=${!classes.length} onPress=${save}>Save</${Button}>
    </div>
  </${Dialog}>`;
}
