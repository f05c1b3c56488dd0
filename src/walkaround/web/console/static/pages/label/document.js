/** What is said of a picture while somebody works on it: label, damage types, and places. Values never change; each function gives new ones. */

import { boxAround, boxMoved, boxResized, doubleArea, ringsMoved, ringsStretched } from "./geometry.js";

/**
 * @typedef {{id: number, label: string, box?: number[], polygons?: number[][][], runs?: {size: number[], counts: string}}} Place
 * @typedef {{label: "normal"|"anomaly"|null, kinds: string[], places: Place[]}} Document
 */

let last = 0;
/** A number that no other place has while the page is open. */
export const newId = () => ++last;

/** A document of what the server tells. @returns {Document} */
export function documentOf(told) {
  return { label: told.label, kinds: [...told.kinds], places: told.places.map((place) => ({ id: newId(), ...formOf(place) })) };
}

/** What the server is told. `drawn`: whether something was drawn before; if neither before nor now, places stay out. */
export function requestOf(document, drawn) {
  const places = document.places.map(formOf);
  return { label: document.label, kinds: [...document.kinds].sort(), places: places.length || drawn ? places : null };
}

/** Whether two documents say the same. */
export const sameDocument = (one, other) => one === other || JSON.stringify(requestOf(one, true)) === JSON.stringify(requestOf(other, true));

/** A document without anything. @returns {Document} */
export const nothing = () => ({ label: null, kinds: [], places: [] });

/** The picture called whole, damaged or neither; a whole one has no damage on it. */
export function withLabel(document, label) {
  if (label === "anomaly") return document.label === label ? document : { ...document, label };
  return document.label === label && !document.kinds.length && !document.places.length ? document : { label, kinds: [], places: [] };
}

/** A damage type of the whole picture taken or given; a picture that has one is damaged. */
export function kindToggled(document, kind) {
  const kinds = document.kinds.includes(kind) ? document.kinds.filter((one) => one !== kind) : [...document.kinds, kind];
  return { ...document, kinds, label: kinds.length ? "anomaly" : document.label };
}

/** With a place more; a picture on which damage is drawn is damaged. */
export const withPlace = (document, place) => ({ ...document, label: "anomaly", places: [...document.places, place] });

/** With one place changed by a function; null takes it away. */
export function placeChanged(document, id, change) {
  const places = document.places.map((place) => (place.id === id ? change(place) : place)).filter(Boolean);
  return places.every((place, index) => place === document.places[index]) && places.length === document.places.length ? document : { ...document, places };
}

/** Without a place. */
export const withoutPlace = (document, id) => placeChanged(document, id, () => null);

/** With a place of its own for each of some, as when they are copied from another picture; only those that fit a picture of this size. */
export function withCopies(document, places, { width, height }) {
  const fit = places.filter((place) => {
    if (place.runs) return place.runs.size[0] === height && place.runs.size[1] === width;
    const [left, top, right, bottom] = extentOf(place);
    return left >= 0 && top >= 0 && right <= width && bottom <= height;
  });
  if (!fit.length) return document;
  return { ...document, label: "anomaly", places: [...document.places, ...fit.map((place) => ({ ...formOf(place), id: newId() }))] };
}

/** A place moved by some pixels of the picture; what was painted stays. */
export function placeMoved(place, dx, dy, picture) {
  if (place.box) return { ...place, box: boxMoved(place.box, dx, dy, picture) };
  if (place.polygons) return { ...place, polygons: ringsMoved(place.polygons, dx, dy, picture) };
  return place;
}

/** A place made wider and higher by some pixels, at its right and lower edge. */
export function placeGrown(place, dx, dy, picture) {
  if (!place.box && !place.polygons) return place;
  const box = extentOf(place);
  const to = boxResized(box, "se", [Math.max(box[2] + dx, box[0] + 1), Math.max(box[3] + dy, box[1] + 1)], picture);
  return place.box ? { ...place, box: to } : { ...place, polygons: ringsStretched(place.polygons, to) };
}

/** The box around a place; null for what was painted. */
export function extentOf(place) {
  return place.box ?? (place.polygons ? boxAround(place.polygons) : null);
}

/** How large a place is on the picture, so that small ones lie on top. Painted ones are lowest. */
export function sizeOf(place) {
  if (place.box) return (place.box[2] - place.box[0]) * (place.box[3] - place.box[1]);
  return place.polygons ? place.polygons.reduce((sum, ring) => sum + doubleArea(ring) / 2, 0) : Infinity;
}

/** What a place is, in words: "box, 120 × 80 pixels at 40, 60". */
export function wordsOf(place) {
  if (place.runs) return "painted area";
  const [left, top, right, bottom] = extentOf(place).map(Math.round);
  const name = place.box ? "box" : `outline with ${place.polygons.flat().length} points`;
  return `${name}, ${right - left} × ${bottom - top} pixels at ${left}, ${top}`;
}

function formOf({ label, box, polygons, runs }) {
  if (runs) return { label, runs };
  return polygons ? { label, polygons } : { label, box };
}
