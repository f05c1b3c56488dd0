/** Which of the findings are drawn on a picture: boxes, the mask, where the model looked. */

import { html, useState } from "../../vendor/preact.js";
import { CheckField } from "../../ui/field.js";
import { Picture } from "../../ui/picture.js";

/**
 * The picture of a result with its findings, and switches for each kind of drawing.
 * @param {{result: any, name: string}} properties
 */
export function DrawnPicture({ result, name }) {
  const { findings } = result;
  const [shown, setShown] = useState({ boxes: true, mask: true, heat: false });
  const there = { boxes: Boolean(findings.boxes?.length), mask: Boolean(result.mask), heat: Boolean(result.heat) };
  const layers = [];
  if (there.mask && shown.mask) layers.push({ source: result.mask, name: "Mask: where each kind of damage is", opacity: 0.6, blend: "multiply" });
  if (there.heat && shown.heat) layers.push({ source: result.heat, name: "Heat map: where the model looked", opacity: 0.85 });
  const turn = (kind) => (on) => setShown((former) => ({ ...former, [kind]: on }));
  return html`<div class="drawn">
    <${Picture} source=${`${result.picture}?size=2048`} name=${name} width=${findings.width} height=${findings.height} boxes=${shown.boxes ? (findings.boxes ?? []) : []} layers=${layers} />
    <div class="row drawn-choices">
      ${there.boxes && html`<${CheckField} label="Boxes" checked=${shown.boxes} onChange=${turn("boxes")} />`}
      ${there.mask && html`<${CheckField} label="Mask" checked=${shown.mask} onChange=${turn("mask")} />`}
      ${there.heat && html`<${CheckField} label="Where the model looked" checked=${shown.heat} onChange=${turn("heat")} />`}
      <a href=${result.picture} target="_blank" rel="noopener">Open the picture</a>
    </div>
    ${there.heat && shown.heat && html`<p class="small muted">Colour begins where a place speaks for damage. Without any, no place alone did.</p>`}
  </div>`;
}
