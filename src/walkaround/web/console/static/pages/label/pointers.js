/** What a mouse, a pen or fingers do on the picture, by the tool that is in hand. */

import { placeChanged, placeMoved, withPlace, withoutPlace, newId } from "./document.js";
import { boxBetween, boxResized, heldIn, pointAdded, pointMoved, pointRemoved } from "./geometry.js";
import { keepMask, openMask, paintedAt } from "./mask_pixels.js";
import { emptyMask, runsOf, stroke } from "./runs.js";
import { panned, pinched, toPicture, toScreen, zoomed } from "./viewport.js";

const CLOSE = 12; // screen pixels within which the first point of an outline is met
const WHEEL = 0.0016;

/**
 * The listeners of the stage.
 * @param {ReturnType<typeof import("./desk.js").makeDesk>} desk
 * @param {{line: (from: number[], to: number[], radius: number, colour: string|null) => void}} ink draws a stroke while it goes on; null wipes.
 * @param {{locked?: boolean}} [options] `locked`: the picture is moved, and nothing on it is changed.
 */
export function makePointers(desk, ink, { locked = false } = {}) {
  const down = new Map(); // pointers that touch, by id, as [x, y] on the stage
  let gesture = null;
  let spaced = false; // the space bar is held
  let from = null; // where the crosshair was put down before: a corner of a box, or where a stroke goes on

  const at = (event) => {
    const bounds = event.currentTarget.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  };
  const onPicture = (point) => toPicture(desk.view.value, point);

  function press(event) {
    if (!desk.size.value || !desk.document.value) return;
    const point = at(event);
    lift();
    desk.cross.value = null;
    event.currentTarget.setPointerCapture(event.pointerId);
    event.currentTarget.focus({ preventScroll: true });
    down.set(event.pointerId, point);
    if (down.size === 2) {
      cancel();
      gesture = { what: "pinch" };
      return;
    }
    if (down.size > 2 || gesture) return;
    gesture = event.button === 1 || spaced || locked ? { what: "pan", last: point } : begin(event, point);
  }

  /** The gesture that a press begins; null: it was all. */
  function begin(event, point) {
    if (event.button !== 0) return null;
    const where = onPicture(point);
    const tool = desk.tool.value;
    const { handle, index, between } = event.target.dataset ?? {};
    if (handle || index || between) return grasp(event, point, where);
    if (tool === "box") return { what: "box", from: where };
    if (tool === "polygon") {
      addPoint(point, where);
      return null;
    }
    if (tool === "brush" || tool === "eraser") return beginStroke(where);
    return grasp(event, point, where);
  }

  function grasp(event, point, where) {
    const { handle, ring, index, between, place } = event.target.dataset;
    const current = desk.place.value;
    if (handle && current?.box) return { what: "handle", handle, place: current };
    if (index !== undefined && current?.polygons) {
      if (event.altKey) {
        dropPoint(current, Number(ring), Number(index));
        return null;
      }
      return { what: "point", ring: Number(ring), index: Number(index), place: current };
    }
    if (between !== undefined && current?.polygons) {
      const rings = pointAdded(current.polygons, Number(ring), Number(between), where, desk.size.value);
      return { what: "point", ring: Number(ring), index: Number(between) + 1, place: { ...current, polygons: rings } };
    }
    const found = place ? Number(place) : paintedAt(desk.document.value.places, where);
    desk.chosen.value = found;
    if (found === null) return { what: "pan", last: point };
    return { what: "move", place: desk.place.value, from: where };
  }

  function dropPoint(place, ring, index) {
    const polygons = pointRemoved(place.polygons, ring, index);
    desk.change(polygons ? placeChanged(desk.document.value, place.id, (one) => ({ ...one, polygons })) : withoutPlace(desk.document.value, place.id));
  }

  function addPoint(point, where) {
    const points = desk.ring.value;
    const first = points.length > 2 && toScreen(desk.view.value, points[0]);
    if (first && Math.hypot(first[0] - point[0], first[1] - point[1]) < CLOSE) desk.closeRing();
    else desk.ring.value = [...points, heldIn(where, desk.size.value)];
  }

  function beginStroke(where) {
    const { width, height } = desk.size.value;
    const wipes = desk.tool.value === "eraser";
    const painted = desk.document.value.places.filter((one) => one.runs && one.runs.size[0] === height && one.runs.size[1] === width);
    const chosen = painted.find((one) => one.id === desk.chosen.value);
    const same = painted.find((one) => one.label === desk.kind.value);
    const targets = wipes ? (chosen ? [chosen] : painted) : [chosen ?? same ?? { id: newId(), label: desk.kind.value, fresh: true }];
    if (!targets.length) return null;
    const masks = targets.map((one) => {
      const mask = one.runs ? openMask(one.runs) : emptyMask(width, height);
      return { place: one, mask: { width, height, data: one.runs ? mask.data.slice() : mask.data } };
    });
    const begun = { what: "stroke", wipes, masks, last: where, colour: wipes ? null : desk.colourOf(targets[0].label) };
    go(begun, where);
    return begun;
  }

  function go(begun, where) {
    for (const { mask } of begun.masks) stroke(mask, begun.last, where, desk.radius.value, begun.wipes ? 0 : 1);
    ink.line(begun.last, where, desk.radius.value, begun.colour);
    begun.last = where;
  }

  function endStroke(begun) {
    let document = desk.document.value;
    for (const { place, mask } of begun.masks) {
      const runs = runsOf(mask);
      if (runs) keepMask(runs, mask);
      if (place.fresh && runs) document = withPlace(document, { id: place.id, label: place.label, runs });
      else if (runs && runs.counts !== place.runs?.counts) document = placeChanged(document, place.id, (one) => ({ ...one, runs }));
      else if (!runs && !place.fresh) document = withoutPlace(document, place.id);
    }
    if (!begun.wipes) desk.chosen.value = begun.masks[0].place.id;
    desk.change(document);
  }

  function move(event) {
    const point = at(event);
    desk.pointer = point;
    if (!down.has(event.pointerId)) {
      ink.hover(point);
      return;
    }
    const before = [...down.values()];
    down.set(event.pointerId, point);
    const { value: picture } = desk.size;
    if (!picture || !gesture) return;
    const where = onPicture(point);
    if (gesture.what === "pinch") {
      if (down.size === 2) desk.view.value = pinched(desk.view.value, before, [...down.values()], picture, desk.stage.value);
    } else if (gesture.what === "pan") {
      desk.view.value = panned(desk.view.value, point[0] - gesture.last[0], point[1] - gesture.last[1], picture, desk.stage.value);
      gesture.last = point;
    } else if (gesture.what === "stroke") {
      for (const one of event.getCoalescedEvents?.() ?? [event]) go(gesture, onPicture(pointOf(one, event)));
      ink.hover(point);
    } else desk.preview.value = previewOf(gesture, where, picture);
  }

  /** Where one of several events is that the browser told as one. */
  function pointOf(one, event) {
    const bounds = event.currentTarget.getBoundingClientRect();
    return [one.clientX - bounds.left, one.clientY - bounds.top];
  }

  function previewOf({ what, place, from, handle, ring, index }, where, picture) {
    if (what === "box") {
      const box = boxBetween(from, where, picture);
      return box && { id: 0, label: desk.kind.value, box };
    }
    if (what === "move") return placeMoved(place, where[0] - from[0], where[1] - from[1], picture);
    if (what === "handle") return { ...place, box: boxResized(place.box, handle, where, picture) };
    return { ...place, polygons: pointMoved(place.polygons, ring, index, where, picture) };
  }

  function release(event) {
    const ended = gesture;
    down.delete(event.pointerId);
    if (down.size) return; // the other finger is still there
    gesture = null;
    const preview = desk.preview.value;
    desk.preview.value = null;
    if (!ended) return;
    if (ended.what === "stroke") endStroke(ended);
    else if (preview && ended.what === "box") desk.add({ box: preview.box });
    else if (preview) desk.change(placeChanged(desk.document.value, preview.id, (one) => (samePlace(one, preview) ? one : preview)));
    else if (ended.what === "point") desk.change(placeChanged(desk.document.value, ended.place.id, (one) => (samePlace(one, ended.place) ? one : ended.place)));
  }

  /** Put down what the tool draws where the crosshair is: a point, a corner of a box, or a stroke from where it was put down before. */
  function put() {
    const { value: where } = desk.cross;
    const { value: tool } = desk.tool;
    if (locked || !where || !desk.document.value) return;
    if (tool === "polygon") addPoint(toScreen(desk.view.value, where), where);
    else if (tool === "box" && from) {
      const box = boxBetween(from, where, desk.size.value);
      lift();
      if (box) desk.add({ box });
    } else if (tool === "box") from = where;
    else if (tool !== "select") {
      const begun = beginStroke(from ?? where);
      if (begun) go(begun, where);
      if (begun) endStroke(begun);
      from = where;
    }
  }

  /** The crosshair has moved. */
  function aimed() {
    if (desk.tool.value === "box" && from && desk.cross.value) desk.preview.value = previewOf({ what: "box", from }, desk.cross.value, desk.size.value);
  }

  /** Begin elsewhere; whether anything was begun. */
  function lift() {
    const had = from !== null;
    from = null;
    desk.preview.value = null;
    return had;
  }

  function cancel() {
    if (gesture?.what === "stroke") ink.repaint();
    gesture = null;
    desk.preview.value = null;
  }

  function lost(event) {
    down.delete(event.pointerId);
    cancel();
  }

  function wheel(event) {
    event.preventDefault();
    if (!desk.size.value) return;
    const factor = Math.exp(-event.deltaY * (event.deltaMode ? 20 : 1) * WHEEL * (event.ctrlKey ? 4 : 1));
    desk.view.value = zoomed(desk.view.value, factor, at(event), desk.size.value, desk.stage.value);
  }

  function twice(event) {
    if (locked) return;
    const { index, ring } = event.target.dataset ?? {};
    if (desk.tool.value === "polygon") desk.closeRing();
    else if (index !== undefined && desk.place.value?.polygons) dropPoint(desk.place.value, Number(ring), Number(index));
  }

  return {
    ...{ press, move, release, lost, wheel, twice, cancel, put, aimed, lift },
    space: (held) => {
      spaced = held;
    },
  };
}

const samePlace = (one, other) => JSON.stringify([one.box, one.polygons]) === JSON.stringify([other.box, other.polygons]);
