/** The places on the picture as a list. */

import { html } from "../../vendor/preact.js";
import { kindName } from "../../formats.js";
import { Button, IconButton } from "../../ui/button.js";
import { wordsOf } from "./document.js";

/**
 * @param {{desk: ReturnType<typeof import("./desk.js").makeDesk>, locked?: boolean}} properties
 *   `locked`: nothing can be changed.
 */
export function PlacesPanel({ desk, locked = false }) {
  const places = desk.document.value?.places ?? [];
  const former = !locked && desk.former.value;
  return html`<section class="part" aria-label="Drawn">
    <div class="part-head">
      <h2>Drawn ${places.length ? html`<span class="muted">(${places.length})</span>` : ""}</h2>
      ${former && html`<${Button} kind="quiet small" icon="copy" disabled=${!desk.size.value} onPress=${desk.copyFormer}>From the last</${Button}>`}
    </div>
    ${places.length
      ? html`<ul class="places">
          ${places.map(
            (place) => html`<li key=${place.id} class=${place.id === desk.chosen.value ? "chosen" : ""}>
              <button type="button" class="place" aria-pressed=${place.id === desk.chosen.value} onClick=${() => choose(desk, place.id)}>
                <span class="swatch" style=${{ background: desk.colourOf(place.label) }}></span>
                <span>${kindName(place.label)}<small>${wordsOf(place)}</small></span>
              </button>
              ${!locked && html`<${IconButton} icon="trash" label=${`Take away ${kindName(place.label)}, ${wordsOf(place)}`} onPress=${() => desk.remove(place.id)} />`}
            </li>`,
          )}
        </ul>`
      : html`<p class="small muted">${locked ? "Nothing." : html`Nothing yet. Draw a box with <kbd>B</kbd>, an outline with <kbd>P</kbd>, or paint with <kbd>R</kbd>.`}</p>`}
    ${!locked && html`<${AddBox} desk=${desk} />`}
  </section>`;
}

/** For whoever has no pointer, and for fingers that are larger than the damage: a box in the middle, to be moved and stretched. */
function AddBox({ desk }) {
  return html`<${Button} kind="plain small add-box" icon="box" disabled=${!desk.size.value} aria-keyshortcuts="Shift+B" onPress=${desk.addBox}>A box in the middle <kbd aria-hidden="true">⇧B</kbd></${Button}>`;
}

function choose(desk, id) {
  desk.useTool("select");
  desk.chosen.value = desk.chosen.value === id ? null : id;
}
