/** The picture with what is drawn on it: zoomed, moved, drawn on. */

import { html, useEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { kindName, percent } from "../../formats.js";
import { makePointers } from "./pointers.js";
import { paintMasks, shownScale } from "./mask_pixels.js";
import { Shapes } from "./shapes.js";
import { toScreen } from "./viewport.js";

/**
 * The stage. It listens to the space bar itself, because that is held.
 * @param {{desk: ReturnType<typeof import("./desk.js").makeDesk>, source: string, name: string, names?: boolean, masks?: boolean, locked?: boolean, autofocus?: boolean}} properties
 *   `source`: address of the picture; `names`: whether places bear their names; `masks`: whether painted areas are shown; `locked`: it can be moved and not drawn on; `autofocus`: in a window, it has the focus first.
 */
export function Stage({ desk, source, name, names = true, masks = true, locked = false, autofocus = false }) {
  const root = useRef(null);
  const canvas = useRef(null);
  const cursor = useRef(null);
  const [broken, setBroken] = useState(false);
  const { value: view } = desk.view;
  const { value: size } = desk.size;
  const { value: document_ } = desk.document;
  const { value: draft } = desk.draft;
  const { value: classes } = desk.classes;

  const repaint = () => {
    const painted = [...(draft?.places ?? []), ...(document_?.places ?? [])].filter((one) => one.runs);
    if (canvas.current) paintMasks(canvas.current, masks ? painted.map((one) => ({ runs: one.runs, colour: desk.colourOf(one.label) })) : []);
  };
  const newest = useRef(repaint);
  newest.current = repaint;
  const ink = useMemo(() => inkOf(desk, canvas, cursor, newest), [desk]);
  const pointers = useMemo(() => makePointers(desk, ink, { locked }), [desk, locked]);
  const { value: tool } = desk.tool;
  const cross = tool === "select" ? null : desk.cross.value;
  useEffect(() => {
    Object.assign(desk, { put: pointers.put, lift: pointers.lift });
  }, [desk, pointers]);
  useEffect(() => {
    pointers.lift(); // what was begun on another picture, or with another tool, does not go on
  }, [tool, desk.entry.value]);
  useEffect(() => {
    if (!cross) return;
    ink.hover(toScreen(view, cross));
    pointers.aimed();
  }, [cross, view, tool, desk.radius.value]);

  useEffect(() => {
    const watching = new ResizeObserver(([{ contentRect }]) => {
      const first = !desk.stage.value.width;
      desk.stage.value = { width: contentRect.width, height: contentRect.height };
      if (first || desk.size.value) desk.fit();
    });
    watching.observe(root.current);
    const element = root.current;
    element.addEventListener("wheel", pointers.wheel, { passive: false }); // Preact's would be passive
    return () => {
      watching.disconnect();
      element.removeEventListener("wheel", pointers.wheel);
    };
  }, [desk, pointers]);
  useEffect(() => {
    const hold = (event) => event.key === " " && pointers.space(event.type === "keydown");
    for (const kind of ["keydown", "keyup"]) document.addEventListener(kind, hold);
    return () => ["keydown", "keyup"].forEach((kind) => document.removeEventListener(kind, hold));
  }, [pointers]);
  useEffect(() => {
    if (autofocus) root.current.focus({ preventScroll: true }); // the window may have been open before there was a stage in it
  }, []);
  useEffect(() => setBroken(false), [source]);
  useEffect(() => {
    if (!canvas.current || !size) return;
    const scale = shownScale(size);
    const [width, height] = [Math.round(size.width * scale), Math.round(size.height * scale)];
    if (canvas.current.width !== width || canvas.current.height !== height) Object.assign(canvas.current, { width, height });
    repaint();
  }, [size, document_, draft, classes, masks]);

  const transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  const place = { transform, width: size ? `${size.width}px` : undefined, height: size ? `${size.height}px` : undefined };
  return html`<div
    ref=${root}
    class=${`stage ${tool}${size ? " there" : ""}`}
    tabindex="0"
    autofocus=${autofocus}
    role="group"
    aria-label=${told(name, document_)}
    onPointerDown=${pointers.press}
    onPointerMove=${pointers.move}
    onPointerUp=${pointers.release}
    onPointerCancel=${pointers.lost}
    onPointerLeave=${() => cursor.current && (cursor.current.style.opacity = 0)}
    onDblClick=${pointers.twice}
    onAuxClick=${(event) => event.preventDefault()}
  >
    ${broken
      ? html`<p class="state">The picture ${name} cannot be shown: it was moved or is damaged. Go on with the next one.</p>`
      : html`<img
          key=${source}
          src=${source}
          alt=${name}
          draggable=${false}
          style=${place}
          onLoad=${(event) => desk.measured(event.currentTarget.naturalWidth, event.currentTarget.naturalHeight)}
          onError=${() => setBroken(true)}
        />`}
    <canvas ref=${canvas} style=${place} aria-hidden="true"></canvas>
    ${size && html`<${Shapes} desk=${desk} names=${names} />`}
    <div ref=${cursor} class="brush-cursor" aria-hidden="true"></div>
    ${cross && size && html`<${Crosshair} at=${toScreen(view, cross)} />`}
    <p class="unseen" role="status">${cross && size ? `Crosshair ${percent(cross[0] / size.width, 0)} across, ${percent(cross[1] / size.height, 0)} down.` : ""}</p>
  </div>`;
}

/** Where who has no pointer draws. @param {{at: number[]}} properties in pixels of the stage. */
function Crosshair({ at: [x, y] }) {
  return html`<svg class="crosshair" style=${{ transform: `translate(${x}px, ${y}px)` }} aria-hidden="true" width="1" height="1">
    <path class="under" d="M-14 0H-4M4 0H14M0-14V-4M0 4V14" />
    <path d="M-14 0H-4M4 0H14M0-14V-4M0 4V14" />
  </svg>`;
}

/** Draws strokes while they go on, and shows how large the brush is. */
function inkOf(desk, canvas, cursor, newest) {
  return {
    line(from, to, radius, colour) {
      const context = canvas.current.getContext("2d");
      const scale = shownScale(desk.size.value);
      context.save();
      context.globalCompositeOperation = colour ? "source-over" : "destination-out";
      context.strokeStyle = colour ?? "#000";
      context.lineWidth = Math.max(radius * 2 * scale, 1);
      context.lineCap = "round";
      context.beginPath();
      context.moveTo(from[0] * scale, from[1] * scale);
      context.lineTo(to[0] * scale + 0.01, to[1] * scale);
      context.stroke();
      context.restore();
    },
    hover([x, y]) {
      const brushes = desk.tool.value === "brush" || desk.tool.value === "eraser";
      const radius = desk.radius.value * desk.view.value.scale;
      Object.assign(cursor.current.style, {
        opacity: brushes ? 1 : 0,
        width: `${2 * radius}px`,
        height: `${2 * radius}px`,
        transform: `translate(${x - radius}px, ${y - radius}px)`,
      });
    },
    repaint: () => newest.current(),
  };
}

function told(name, said) {
  if (!said) return `Picture ${name}`;
  const places = said.places.map((one) => kindName(one.label));
  return `Picture ${name}, ${said.label ? kindName(said.label) : "not labelled"}${places.length ? `; drawn on it: ${places.join(", ")}` : ""}`;
}
