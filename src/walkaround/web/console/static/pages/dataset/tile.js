/** One picture of the gallery. */

import { html, useMemo, useState } from "../../vendor/preact.js";
import { address, at } from "../../api.js";
import { kindName, percent } from "../../formats.js";
import { Icon } from "../../ui/icon.js";
import { Verdict } from "../../ui/state.js";
import { problemName } from "./filters.js";

/**
 * Address of a picture of a dataset.
 * @param {string} project
 * @param {string} kind train or test.
 * @param {string} picture s3:// address.
 * @param {number} [size] longest side in pixels; without it, the file itself.
 */
export function pictureSource(project, kind, picture, size) {
  return address(at`/projects/${project}/datasets/${kind}/picture`, { picture, size });
}

/**
 * A picture with its name and label; a place for one that is not known yet. What is done with it is the gallery's to handle.
 * It is drawn again only when something of it changes, because a gallery that scrolls has dozens of them.
 * @param {{row?: object, source: string|null, chosen: boolean, active: boolean, index: number}} properties `source`: null while the reader only passes by.
 */
export function Tile({ row, source, chosen, active, index }) {
  const [broken, setBroken] = useState(false);
  return useMemo(
    () => html`<div
      role="gridcell"
      class=${chosen ? "tile chosen" : "tile"}
      data-index=${index}
      tabindex=${active ? 0 : -1}
      aria-selected=${chosen}
      aria-label=${row ? told(row) : "Loading"}
    >
      <div class="frame">
        ${source && !broken && html`<img src=${source} alt="" draggable=${false} decoding="async" onError=${() => setBroken(true)} />`}
        ${broken && html`<span class="broken">cannot be shown</span>`}
        <label class="pick"><input type="checkbox" tabindex="-1" checked=${chosen} aria-label=${`Choose ${row?.name ?? ""}`} /></label>
        ${row?.flags.length > 0 &&
        html`<span class="flag" title=${row.flags.map(problemName).join(", ")}><${Icon} name="warning" />${row.flags.length > 1 && row.flags.length}</span>`}
        ${row?.drawn.length > 0 && html`<span class="drawn" title=${row.drawn.map(kindName).join(", ")}>${row.drawn.length === 1 ? kindName(row.drawn[0]) : `${row.drawn.length} kinds`}</span>`}
      </div>
      <div class="caption">
        <span class="name" title=${row?.name}>${row?.name}</span>
        ${row && html`<span class="label">${row.label ? html`<${Verdict} damaged=${row.label === "anomaly"} />` : html`<span class="bare">not labelled</span>`}${doubtful(row)}</span>`}
      </div>
    </div>`,
    [row, source, chosen, active, index, broken],
  );
}

function doubtful(row) {
  if (row.doubt === null || row.doubt < 0.5) return null;
  return html`<span class="doubt" title="How sure models that never saw this picture are that its label is wrong">${percent(row.doubt, 0)} doubt</span>`;
}

function told(row) {
  const parts = [row.name, row.label === "anomaly" ? "damaged" : row.label === "normal" ? "whole" : "not labelled"];
  return [...parts, ...row.flags.map(problemName), ...row.drawn.map(kindName)].join(", ");
}
