/** What a hosted model would say of a picture; kept apart from the labels until somebody accepts it. */

import { signal } from "../../vendor/preact.js";
import { at, get } from "../../api.js";
import { newId } from "./document.js";

const KEY = "walkaround.label.drafts";

/**
 * @param {string} project
 * @param {string} kind train or test.
 * @param {ReturnType<typeof import("./desk.js").makeDesk>} desk
 */
export function makeDrafts(project, kind, desk) {
  const models = signal(null); // versions that are hosted, the newest first; null: not known yet
  const state = signal({ name: "none" });
  const always = signal(localStorage.getItem(KEY) === "yes");
  const asked = new Map(); // address to a promise

  async function begin() {
    const told = await get(at`/projects/${project}/models`, { limit: 100 });
    models.value = told.models.filter((one) => one.status === "HOSTED").map((one) => one.version).reverse();
  }

  function fetched(picture) {
    if (!asked.has(picture)) {
      const reading = get(at`/projects/${project}/datasets/${kind}/draft`, { picture, model: models.value[0] });
      reading.catch(() => asked.delete(picture));
      asked.set(picture, reading);
    }
    return asked.get(picture);
  }

  /** Ask for the picture that is shown. */
  async function ask() {
    const { value: entry } = desk.entry;
    if (!entry || !models.value?.length) return;
    state.value = { name: "asking" };
    try {
      const told = await fetched(entry.picture);
      if (desk.entry.value !== entry) return;
      desk.draft.value = { ...told, kinds: told.kinds.map((one) => one.label), places: told.places.map((one) => ({ ...plain(one), id: newId() })) };
      state.value = { name: "none" };
    } catch (problem) {
      if (desk.entry.value === entry) state.value = { name: "failed", problem };
    }
  }

  /** A picture was opened: ask, where that is wanted and nobody has labelled it. */
  function opened() {
    state.value = { name: "none" };
    const { value: document } = desk.document;
    if (always.value && document && !document.label && !document.places.length) ask();
  }

  /** Ask for pictures that come next, so that their drafts are there when they are opened. */
  function prefetch(pictures) {
    if (always.value && models.value?.length) pictures.forEach((picture) => fetched(picture).catch(() => {}));
  }

  function setAlways(wanted) {
    always.value = wanted;
    localStorage.setItem(KEY, wanted ? "yes" : "no");
    if (wanted) opened();
  }

  return { models, state, always, begin, ask, opened, prefetch, setAlways };
}

function plain({ label, box, polygons, runs, score }) {
  const form = runs ? { runs } : polygons ? { polygons } : { box };
  return { label, ...form, score };
}
