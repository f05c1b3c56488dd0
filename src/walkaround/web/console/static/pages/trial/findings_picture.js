/** One picture of a trial with what was found on it, each part to be shown or hidden. */

import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { kindName } from "../../formats.js";
import { coloursOf } from "../../ui/colours.js";
import { CheckField } from "../../ui/field.js";
import { Picture } from "../../ui/picture.js";
import { paintMasks, shownScale } from "../label/mask_pixels.js";

const KEPT = "walkaround.trial.layers";

/** Which parts are drawn; kept for the next visit. */
export function useLayers() {
  const [layers, setLayers] = useState(() => ({ heat: true, boxes: true, mask: true, ...JSON.parse(localStorage.getItem(KEPT) ?? "{}") }));
  const turn = (name) => {
    const next = { ...layers, [name]: !layers[name] };
    localStorage.setItem(KEPT, JSON.stringify(next));
    setLayers(next);
  };
  return [layers, turn];
}

/**
 * @param {{picture: any, layers: Record<string, boolean>, size?: number}} properties `size`: pixels of the longer side that are loaded.
 */
export function FindingsPicture({ picture, layers, size = 1024 }) {
  const { findings } = picture;
  const source = `${picture.image}&size=${size}`;
  const name = picture.name ?? picture.picture;
  if (!findings) return html`<div class="picture plain-picture"><img src=${source} alt=${name} /></div>`;
  const drawn = picture.places;
  const over = [];
  if (layers.heat && picture.heat) over.push({ source: picture.heat, name: "Where the model looked", opacity: 0.85 });
  if (layers.mask && picture.mask && !drawn) over.push({ source: picture.mask, name: "The damaged area", opacity: 0.7 });
  const boxes = (drawn ?? findings.boxes ?? []).filter((one) => one.box);
  const outlines = (drawn ?? []).filter((one) => one.polygons).map((one) => ({ label: one.label, rings: one.polygons }));
  return html`<div class=${picture.mask ? "with-mask" : ""}>
    <${Picture}
      key=${picture.picture}
      source=${source}
      name=${name}
      width=${findings.width}
      height=${findings.height}
      boxes=${layers.boxes ? boxes : []}
      outlines=${layers.boxes ? outlines : []}
      layers=${over}
      truth=${Boolean(drawn)}
    >
      ${layers.boxes && drawn?.some((one) => one.runs) && html`<${Painted} places=${drawn} width=${findings.width} height=${findings.height} />`}
    </${Picture}>
  </div>`;
}

/** What a person painted. */
function Painted({ places, width, height }) {
  const canvas = useRef(null);
  useEffect(() => {
    const scale = shownScale({ width, height });
    Object.assign(canvas.current, { width: Math.round(width * scale), height: Math.round(height * scale) });
    const colours = coloursOf(places.map((one) => one.label));
    paintMasks(canvas.current, places.filter((one) => one.runs).map((one) => ({ runs: one.runs, colour: colours[one.label] })));
  }, [places, width, height]);
  const names = [...new Set(places.filter((one) => one.runs).map((one) => kindName(one.label)))];
  return html`<canvas ref=${canvas} class="painted" role="img" aria-label=${`Painted: ${names.join(", ")}`}></canvas>`;
}

/** @param {{picture: any, layers: Record<string, boolean>, turn: (name: string) => void}} properties */
export function LayerChoice({ picture, layers, turn }) {
  const there = [
    ["heat", "Where the model looked", picture.heat],
    ["boxes", picture.places ? "What was drawn" : "Boxes", picture.findings?.boxes?.length || picture.places?.length],
    ["mask", "Damaged area", picture.mask],
  ].filter(([, , found]) => found);
  if (!there.length) return null;
  return html`<fieldset class="layers">
    <legend class="unseen">Show on the picture</legend>
    ${there.map(([name, text]) => html`<${CheckField} key=${name} label=${text} checked=${layers[name]} onChange=${() => turn(name)} />`)}
  </fieldset>`;
}
