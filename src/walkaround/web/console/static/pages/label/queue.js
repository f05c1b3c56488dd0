/** One picture after the other: which comes next, which came before, and those that are fetched before anybody asks. */

import { address, at, get } from "../../api.js";
import { entryOf, renew } from "./saver.js";

const AHEAD = 6; // pictures that are known before they are wanted
const FETCHED = 3; // of these, fetched with their labels and bytes
const PATIENCE_MS = 300; // that one waits to hear whether somebody else has labelled what comes next
const KEPT = 40; // pictures that were seen and can be come back to at once

/** The address of a picture's file; `size`: its longest side in pixels, all of it without. */
export function pictureAddress(project, kind, picture, size) {
  return address(at`/projects/${project}/datasets/${kind}/picture`, { picture, size });
}

/**
 * The pictures of a dataset in order.
 * @param {{project: string, kind: string, show: string, others?: boolean, open?: Set<object>}} which `show`: as the server's queue has it;
 *   `others`: not what the reader labelled; `open`: entries that are not saved yet, which nobody else may load anew.
 */
export function makeQueue({ project, kind, show, others = false, open = new Set() }) {
  const base = at`/projects/${project}/datasets/${kind}`;
  const entries = new Map(); // address to a promise of an entry
  const images = new Map(); // address to an image that is being loaded
  const seen = []; // addresses in the order in which they were shown
  let place = -1; // in `seen`
  let ahead = []; // addresses after the last of `seen`
  let known = null; // what the server told of the queue last

  const ask = (query) => get(`${base}/queue`, { show, others, ...query });

  function fetched(picture) {
    if (!entries.has(picture)) {
      const unsaved = [...open].find((one) => one.picture === picture);
      const reading = unsaved ? Promise.resolve(unsaved) : get(`${base}/labelling`, { picture }).then(entryOf);
      reading.catch(() => entries.delete(picture));
      entries.set(picture, reading);
    }
    if (!images.has(picture)) {
      const image = new Image();
      image.src = pictureAddress(project, kind, picture);
      images.set(picture, image);
    }
    return entries.get(picture);
  }

  function forget() {
    const near = new Set([...seen.slice(Math.max(0, place - KEPT / 2)), ...ahead]);
    for (const picture of entries.keys()) if (entries.size > KEPT && !near.has(picture)) entries.delete(picture);
    for (const picture of images.keys()) if (images.size > AHEAD * 2 && !ahead.includes(picture) && picture !== seen[place]) images.delete(picture);
  }

  /** Which pictures come next, as it is now: others may be at work on the same list. */
  async function look() {
    const last = seen.at(-1);
    const told = await ask({ beside: last, limit: AHEAD });
    known = told;
    if (last === seen.at(-1)) ahead = told.pictures.map((one) => one.picture).filter((one) => !seen.includes(one));
    ahead.slice(0, FETCHED).forEach((picture) => fetched(picture).catch(() => {}));
    forget();
  }

  async function shown(picture) {
    const fresh = !entries.has(picture);
    const entry = await fetched(picture);
    if (!fresh) refresh(entry).catch(() => {}); // saving finds out too
    look().catch(() => {}); // what is ahead can wait
    return entry;
  }

  /** Look whether somebody else labelled a picture since it was fetched. */
  async function refresh(entry) {
    const told = await get(`${base}/labelling`, { picture: entry.picture });
    if (told.version !== entry.told.version && !open.has(entry)) renew(entry, told);
  }

  /** The next picture; null at the end. */
  async function next() {
    if (place < seen.length - 1) return shown(seen[++place]);
    const looking = look();
    if (ahead.length) await Promise.race([looking.catch(() => {}), pause(PATIENCE_MS)]); // what is known will do, where the server is slow
    else await looking;
    if (!ahead.length) return null;
    seen.push(ahead.shift());
    place = seen.length - 1;
    return shown(seen[place]);
  }

  /** The picture before; null at the beginning. */
  async function previous() {
    if (place > 0) return shown(seen[--place]);
    const { pictures } = await get(`${base}/queue`, { show: "all", beside: seen[0], backwards: true, limit: 1 });
    if (!pictures.length) return null;
    seen.unshift(pictures[0].picture);
    place = 0;
    return shown(seen[0]);
  }

  /** One picture, from which one goes on. */
  function jump(picture) {
    seen.length = 0;
    seen.push(picture);
    place = 0;
    ahead = [];
    return shown(picture);
  }

  /** The pictures that come next, as far as they are known. */
  const upcoming = () => ahead.slice(0, 2);

  /** From the first that waits. */
  function restart() {
    seen.length = 0;
    place = -1;
    ahead = [];
    return next();
  }

  /** How many pictures of the dataset are in each state, and how many are in the queue. */
  async function counts() {
    known = await ask({ limit: 1 });
    return known;
  }

  /** The picture that was shown last, as after the end. */
  const last = () => (place >= 0 ? shown(seen[place]) : Promise.resolve(null));

  return { next, previous, last, jump, restart, upcoming, counts };
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
