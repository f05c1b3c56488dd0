/** What is drawn with, and how the picture is seen. */

import { html } from "../../vendor/preact.js";
import { IconButton } from "../../ui/button.js";
import { Icon } from "../../ui/icon.js";

const TOOLS = [
  ["select", "Choose and move", "V"],
  ["box", "Box", "B"],
  ["polygon", "Outline", "P"],
  ["brush", "Brush", "R"],
  ["eraser", "Eraser", "E"],
];
const PAINTING = ["brush", "eraser"];
/** Keeps the focus on the picture when a button is pressed with a mouse, so that keys go on working there. */
const keepFocus = (event) => event.preventDefault();

/**
 * @param {{desk: ReturnType<typeof import("./desk.js").makeDesk>, onHelp: () => void, locked?: boolean}} properties
 *   `locked`: nothing can be drawn.
 */
export function Toolbar({ desk, onHelp, locked = false }) {
  const tool = desk.tool.value;
  const brushes = PAINTING.includes(tool);
  return html`<div class="toolbar" role="toolbar" aria-label="Drawing" onMouseDown=${(event) => !event.target.closest("input") && keepFocus(event)}>
    ${TOOLS.map(
      ([name, text, key]) => html`<button
        key=${name}
        type="button"
        class="tool"
        aria-pressed=${tool === name}
        aria-keyshortcuts=${key}
        title=${`${text} (${key})`}
        disabled=${locked}
        onClick=${() => desk.useTool(name)}
      >
        <${Icon} name=${name} /><span class="unseen">${text}</span>
      </button>`,
    )}
    ${brushes &&
    html`<label class="brush-size" title="Size of the brush ([ and ])">
      <span class="unseen">Size of the brush in pixels</span>
      <input type="range" min="1" max="120" value=${desk.radius.value} onInput=${(event) => (desk.radius.value = Number(event.currentTarget.value))} />
      <span aria-hidden="true">${desk.radius.value * 2} px</span>
    </label>`}
    <span class="gap"></span>
    <${IconButton} icon="undo" label="Undo (Ctrl-Z)" disabled=${locked || !desk.canUndo.value} onPress=${desk.undo} />
    <${IconButton} icon="redo" label="Do again (Ctrl-Y)" disabled=${locked || !desk.canRedo.value} onPress=${desk.redo} />
    <span class="gap"></span>
    <${IconButton} icon="plus" label="Closer (+)" onPress=${() => desk.zoom(1.25)} />
    <${IconButton} icon="minus" label="Further away (−)" onPress=${() => desk.zoom(0.8)} />
    <${IconButton} icon="fit" label="The whole picture (F)" onPress=${desk.fit} />
    <span class="gap"></span>
    <span class="all-keys"><${IconButton} icon="keys" label="All keys (?)" onPress=${onHelp} /></span>
  </div>`;
}
