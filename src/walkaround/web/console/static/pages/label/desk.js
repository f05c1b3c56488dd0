/** What the page knows while somebody works on a picture, and what they can do with it. Views read the signals; keys and buttons call the rest. */

import { batch, computed, signal } from "../../vendor/preact.js";
import { colourOf } from "../../ui/colours.js";
import { kindToggled, newId, placeChanged, placeGrown, placeMoved, withCopies, withLabel, withPlace, withoutPlace } from "./document.js";
import { boxBetween, doubleArea, heldIn } from "./geometry.js";
import { canRedo, canUndo, redone, undone } from "./history.js";
import { fitted, inSight, panned, toPicture, zoomed } from "./viewport.js";

export const TOOLS = ["select", "box", "polygon", "brush", "eraser"];
const RADII = [2, 4, 7, 12, 20, 32, 50, 80, 120];

/**
 * The state of a page on which pictures are labelled or reviewed.
 * @param {{change: (entry: object, document: object, options?: object) => void, touched: (entry: object) => void}} keeper what is told of changes.
 */
export function makeDesk(keeper) {
  const entry = signal(null);
  const size = signal(null); // pixels of the upright original, once the picture is there
  const stage = signal({ width: 0, height: 0 });
  const view = signal({ scale: 1, x: 0, y: 0 });
  const tool = signal("select");
  const kind = signal(null); // name of the class that is drawn with
  const classes = signal([]);
  const chosen = signal(null); // id of a place
  const ring = signal([]); // points of an outline that is not closed yet
  const preview = signal(null); // a place as it would be if the pointer were let go now
  const radius = signal(12); // of the brush, in pixels of the picture
  const cross = signal(null); // where who has no pointer draws: [x, y] in pixels of the picture
  const draft = signal(null); // what a model proposes
  const former = signal(null); // what was said of the picture before
  const document = computed(() => entry.value?.history.value.present ?? null);
  const places = computed(() => shown(document.value?.places ?? [], preview.value));
  const place = computed(() => places.value.find((one) => one.id === chosen.value) ?? null);

  const change = (next, options) => {
    if (entry.value && next !== document.value) keeper.change(entry.value, next, options);
  };

  /** Show another picture. */
  function open(next) {
    if (next === entry.value) return;
    batch(() => {
      if (document.value?.places.length) former.value = document.value.places;
      entry.value = next;
      size.value = null;
      cross.value = null;
      chosen.value = null;
      ring.value = [];
      preview.value = null;
      draft.value = null;
    });
  }

  /** The picture is there, and this large. */
  function measured(width, height) {
    size.value = { width, height };
    fit();
  }

  function fit() {
    if (size.value && stage.value.width) view.value = fitted(size.value, stage.value);
  }

  function zoom(factor, at = [stage.value.width / 2, stage.value.height / 2]) {
    if (size.value) view.value = zoomed(view.value, factor, at, size.value, stage.value);
  }

  const pan = (dx, dy) => size.value && (view.value = panned(view.value, dx, dy, size.value, stage.value));

  /** Move the crosshair by some pixels of the screen; it begins in the middle of what is seen, and stays in sight. */
  function aim(dx, dy) {
    const { width, height } = stage.value;
    const [x, y] = cross.value ?? toPicture(view.value, [width / 2, height / 2]);
    const { scale } = view.value;
    batch(() => {
      cross.value = heldIn([x + dx / scale, y + dy / scale], size.value);
      view.value = inSight(view.value, cross.value, size.value, stage.value);
    });
  }

  function step(history) {
    if (!entry.value || history === entry.value.history.value) return;
    entry.value.history.value = history;
    if (!history.present.places.some((one) => one.id === chosen.value)) chosen.value = null;
    keeper.touched(entry.value);
  }

  function useTool(name) {
    batch(() => {
      tool.value = name;
      ring.value = [];
      preview.value = null;
      if (name !== "select" && name !== "eraser" && name !== "brush") chosen.value = null;
    });
  }

  /** Draw a place, which is chosen then. */
  function add(shape) {
    const made = { id: newId(), label: kind.value, ...shape };
    change(withPlace(document.value, made));
    chosen.value = made.id;
  }

  /** A box in the middle of what is seen, for whoever has no pointer. */
  function addBox() {
    if (!size.value) return;
    const { width, height } = stage.value;
    const corner = (share) => toPicture(view.value, [width * share, height * share]);
    const box = boxBetween(corner(0.35), corner(0.65), size.value);
    if (!box) return;
    add({ box });
    tool.value = "select";
  }

  function closeRing() {
    const points = ring.value;
    ring.value = [];
    if (points.length > 2 && doubleArea(points) > 2) add({ polygons: [points] });
  }

  /** What a key of a class does: it names the place that is chosen, or what is drawn next, or a damage type of the whole picture. */
  function useClass(name) {
    kind.value = name;
    if (tool.value === "select" && place.value) change(placeChanged(document.value, chosen.value, (one) => ({ ...one, label: name })));
    else if (tool.value === "select") change(kindToggled(document.value, name));
  }

  const move = (dx, dy) => place.value && change(placeChanged(document.value, chosen.value, (one) => placeMoved(one, dx, dy, size.value)), { merge: merging("move") });
  const grow = (dx, dy) => place.value && change(placeChanged(document.value, chosen.value, (one) => placeGrown(one, dx, dy, size.value)), { merge: merging("grow") });

  let lastStep = { at: 0, what: "" };
  /** Whether a step of an arrow key goes on with the one before, so that they are undone together. */
  function merging(what) {
    const now = performance.now();
    const merge = lastStep.what === `${what} ${chosen.value}` && now - lastStep.at < 700;
    lastStep = { at: now, what: `${what} ${chosen.value}` };
    return merge;
  }

  function remove(id = chosen.value) {
    if (id === null) return;
    change(withoutPlace(document.value, id));
    if (id === chosen.value) chosen.value = null;
  }

  function chooseNext(by) {
    const all = document.value.places;
    if (!all.length) return;
    const index = all.findIndex((one) => one.id === chosen.value);
    chosen.value = all[index < 0 ? (by > 0 ? 0 : all.length - 1) : (index + by + all.length) % all.length].id;
  }

  function brush(by) {
    const index = RADII.findIndex((one) => one >= radius.value);
    radius.value = RADII[Math.min(RADII.length - 1, Math.max(0, index + by))];
  }

  /** Take over what a model proposes: all of it, or one place. */
  function accept(id = null) {
    const proposed = draft.value;
    if (!proposed) return;
    const taken = proposed.places.filter((one) => id === null || one.id === id);
    const plain = taken.map(({ score: _, ...one }) => one);
    let next = { ...document.value, places: [...document.value.places, ...plain] };
    if (id === null) next = { ...next, label: plain.length ? "anomaly" : proposed.label, kinds: [...new Set([...next.kinds, ...proposed.kinds])] };
    else next = { ...next, label: "anomaly" };
    const left = proposed.places.filter((one) => !taken.includes(one));
    batch(() => {
      change(next);
      draft.value = id === null || !left.length ? null : { ...proposed, places: left };
    });
  }

  function reject(id = null) {
    const left = draft.value?.places.filter((one) => one.id !== id) ?? [];
    draft.value = id === null || !left.length ? null : { ...draft.value, places: left };
  }

  return {
    put: () => {}, // at the crosshair, as a press of the pointer there; and away with what that began: both by the stage
    lift: () => false,
    ...{ entry, size, stage, view, tool, kind, classes, chosen, ring, preview, radius, cross, draft, former, document, places, place },
    ...{ open, measured, fit, zoom, pan, aim, useTool, add, addBox, closeRing, useClass, move, grow, remove, chooseNext, brush, accept, reject, change },
    say: (label) => change(withLabel(document.value, label)),
    toggleKind: (name) => change(kindToggled(document.value, name)),
    copyFormer: () => former.value && size.value && change(withCopies(document.value, former.value, size.value)),
    undo: () => entry.value && step(undone(entry.value.history.value)),
    redo: () => entry.value && step(redone(entry.value.history.value)),
    canUndo: computed(() => Boolean(entry.value) && canUndo(entry.value.history.value)),
    canRedo: computed(() => Boolean(entry.value) && canRedo(entry.value.history.value)),
    colourOf: (name) => classes.value.find((one) => one.name === name)?.colour ?? colourOf(name),
  };
}

/** The places, one of them as it would be if the pointer were let go. */
function shown(places, preview) {
  if (!preview) return places;
  return places.some((one) => one.id === preview.id) ? places.map((one) => (one.id === preview.id ? preview : one)) : [...places, preview];
}
