/** Masks that are shown: opened once, and painted in the colours of their classes. */

import { isPainted, maskOf } from "./runs.js";

const opened = new WeakMap();
const LONGEST = 2048; // pixels of the longest side of what is shown

/** The mask of run lengths, opened once; it must not be changed. */
export function openMask(runs) {
  if (!opened.has(runs)) opened.set(runs, maskOf(runs));
  return opened.get(runs);
}

/** Keep the mask of run lengths that were just made of it. */
export function keepMask(runs, mask) {
  opened.set(runs, mask);
}

/** How many pixels of a canvas stand for one of a picture. */
export const shownScale = ({ width, height }) => Math.min(1, LONGEST / Math.max(width, height));

/** The number of the uppermost place that is painted at a point of the picture; null where none is. */
export function paintedAt(places, point) {
  const found = places.filter((place) => place.runs && isPainted(openMask(place.runs), point)).at(-1);
  return found?.id ?? null;
}

/**
 * Paint masks onto a canvas.
 * @param {HTMLCanvasElement} canvas of the picture's size times `shownScale`.
 * @param {{runs: object, colour: string}[]} layers from the lowest.
 */
export function paintMasks(canvas, layers) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  if (!layers.length || !width || !height) return;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (const { runs, colour } of layers) {
    const mask = openMask(runs);
    const value = littleEndian(colour);
    const across = mask.width / width;
    const down = mask.height / height;
    for (let y = 0; y < height; y++) {
      const row = Math.min(mask.height - 1, Math.floor((y + 0.5) * down)) * mask.width;
      for (let x = 0; x < width; x++) if (mask.data[row + Math.floor((x + 0.5) * across)]) pixels[y * width + x] = value;
    }
  }
  context.putImageData(image, 0, 0);
}

/** An opaque colour as it stands in the memory of nearly every machine; the canvas as a whole is translucent. */
function littleEndian(colour) {
  const number = Number.parseInt(colour.slice(1), 16);
  return ((255 << 24) | ((number & 255) << 16) | (number & 0xff00) | (number >> 16)) >>> 0;
}
