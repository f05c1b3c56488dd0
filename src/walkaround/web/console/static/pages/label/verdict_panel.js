/** What the whole picture shows: whole or damaged, and which damage types. */

import { html } from "../../vendor/preact.js";
import { kindName } from "../../formats.js";
import { Icon } from "../../ui/icon.js";

/**
 * @param {{desk: ReturnType<typeof import("./desk.js").makeDesk>, say: (label: "normal"|"anomaly") => void, onEdit?: () => void, locked?: boolean}} properties
 *   `say`: what the two large buttons do; `onEdit`: opens the window of the classes; `locked`: nothing can be changed.
 */
export function VerdictPanel({ desk, say, onEdit, locked = false }) {
  const document = desk.document.value;
  const drawing = desk.tool.value !== "select" || desk.place.value;
  const given = document?.kinds ?? [];
  const names = [...desk.classes.value.map((one) => one.name), ...given.filter((name) => !desk.classes.value.some((one) => one.name === name))];
  return html`<section class="part" aria-label="The picture">
    <div class="verdicts">
      ${[
        ["normal", "Whole", "whole", "N"],
        ["anomaly", "Damaged", "damaged", "A"],
      ].map(
        ([label, text, icon, key]) => html`<button
          key=${label}
          type="button"
          class="verdict-button ${icon}"
          aria-pressed=${document?.label === label}
          aria-keyshortcuts=${key}
          disabled=${!document || locked}
          onMouseDown=${(event) => event.preventDefault()}
          onClick=${() => say(label)}
        >
          <${Icon} name=${icon} />${text}<kbd aria-hidden="true">${key}</kbd>
        </button>`,
      )}
    </div>
    <div class="part-head">
      <h2>${drawing ? "Class of what is drawn" : "Damage seen in it"}</h2>
      ${onEdit && html`<button type="button" class="button quiet small" aria-label="Edit the classes" onClick=${onEdit}>Edit</button>`}
    </div>
    <ul class="classes">
      ${names.map((name) => html`<li key=${name}><${ClassButton} desk=${desk} name=${name} drawing=${drawing} given=${given.includes(name)} locked=${locked} /></li>`)}
    </ul>
  </section>`;
}

function ClassButton({ desk, name, drawing, given, locked }) {
  const key = desk.classes.value.find((one) => one.name === name)?.hotkey;
  const drawn = (desk.tool.value === "select" && desk.place.value?.label) || desk.kind.value;
  const active = drawing ? drawn === name : given;
  return html`<button
    type="button"
    class="class-button"
    aria-pressed=${active}
    aria-keyshortcuts=${key ?? undefined}
    disabled=${!desk.document.value || locked}
    onMouseDown=${(event) => event.preventDefault()}
    onClick=${() => desk.useClass(name)}
  >
    <span class="swatch" style=${{ background: desk.colourOf(name) }}></span>
    <span>${kindName(name)}</span>
    ${drawing && given && html`<span class="small muted">in the picture</span>`}
    ${key && html`<kbd aria-hidden="true">${key}</kbd>`}
  </button>`;
}
