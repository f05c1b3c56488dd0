/** What models would say of pictures, kept apart from the labels until somebody accepts it: asked for one at a time, or drafted for all by a job. */

import { signal } from "../../vendor/preact.js";
import { at, get, send } from "../../api.js";
import { may } from "../../session.js";
import { isTrained } from "../models/statuses.js";
import { newId } from "./document.js";

const KEY = "walkaround.label.drafts";

/**
 * @param {string} project
 * @param {string} kind train or test.
 * @param {ReturnType<typeof import("./desk.js").makeDesk>} desk
 */
export function makeDrafts(project, kind, desk) {
  const base = at`/projects/${project}/datasets/${kind}`;
  const models = signal(null); // versions that are hosted, the newest first; null: not known yet
  const trained = signal([]); // versions that can draft all pictures, the newest first
  const all = signal(null); // how the drafting of all stands, as the REST API tells it; null: not known yet
  const state = signal({ name: "none" });
  const always = signal(may("detect") && localStorage.getItem(KEY) === "yes");
  const asked = new Map(); // address to a promise of what a hosted model says
  const kept = new Map(); // address to a promise of what was drafted when all were
  const limits = new Map(); // version to the threshold by which it was heard to judge last
  let showing = null; // where the draft that is shown comes from

  async function begin() {
    const [told] = await Promise.all([get(at`/projects/${project}/models`, { limit: 100 }), look()]);
    models.value = told.models.filter((one) => one.status === "HOSTED").map((one) => one.version).reverse();
    trained.value = told.models.filter((one) => isTrained(one.status)).map((one) => one.version).reverse();
  }

  /** Ask how the drafting of all stands. */
  async function look() {
    try {
      all.value = await get(`${base}/drafts`);
    } catch (problem) {
      if (problem.status !== 404) throw problem; // there is no such dataset yet
    }
  }

  /** Have all pictures drafted that nobody has labelled. @param {string} model */
  async function draftAll(model) {
    all.value = await send("POST", `${base}/drafts`, { model });
  }

  /** Stop that; what was drafted stays. */
  const stop = () => send("DELETE", `${base}/drafts`);

  /** The drafting has ended, or is further: what was not drafted before may be by now. */
  async function renewed() {
    kept.clear();
    await look();
    if (!desk.draft.value) await opened();
  }

  const fetched = (picture) => once(asked, picture, async () => hear(picture, await get(`${base}/draft`, { picture, model: models.value[0] })));
  const drafted = (picture) => once(kept, picture, async () => hear(picture, (await get(`${base}/drafts/picture`, { picture })).draft));

  /** A draft came: where its model judges by another threshold than before, what it said of other pictures does not hold any more. */
  function hear(picture, draft) {
    if (!draft) return draft;
    const before = limits.get(draft.model);
    limits.set(draft.model, draft.threshold);
    if (before !== undefined && before !== draft.threshold) {
      for (const known of [asked, kept]) for (const other of known.keys()) if (other !== picture) known.delete(other);
      renewShown().catch(() => {}); // the next that is opened is right
    }
    return draft;
  }

  /** The reader comes back to the page: a threshold may have been moved meanwhile, and a model started. */
  async function comeBack() {
    for (const known of [asked, kept]) known.clear();
    await begin();
    await renewShown();
  }

  /** Fetch what is shown anew, unless a part of it was taken already. */
  async function renewShown() {
    const mine = showing;
    const isShown = () => mine !== null && desk.draft.value === mine.draft && desk.entry.value === mine.entry;
    if (!isShown()) return;
    const told = await mine.read(mine.entry.picture);
    if (!isShown() || JSON.stringify(told) === mine.told) return;
    if (told) show(told, mine.read);
    else desk.draft.value = null;
  }

  function show(told, read) {
    const draft = { ...told, kinds: told.kinds.map((one) => one.label), places: told.places.map((one) => ({ ...plain(one), id: newId() })) };
    desk.draft.value = draft;
    showing = { draft, entry: desk.entry.value, told: JSON.stringify(told), read };
    state.value = { name: "none" };
  }

  /** Ask for the picture that is shown. */
  async function ask() {
    const { value: entry } = desk.entry;
    if (!entry || !models.value?.length) return;
    state.value = { name: "asking" };
    try {
      const told = await fetched(entry.picture);
      if (desk.entry.value === entry) show(told, fetched);
    } catch (problem) {
      if (desk.entry.value === entry) state.value = { name: "failed", problem };
    }
  }

  /** A picture was opened: where nobody has labelled it, show what was drafted of it; else ask, where that is wanted. */
  async function opened() {
    state.value = { name: "none" };
    const { value: entry } = desk.entry;
    if (!entry || !isBare(desk.document.value)) return;
    const told = hasKept() ? await drafted(entry.picture).catch(() => null) : null;
    if (desk.entry.value !== entry || desk.draft.value || !isBare(desk.document.value)) return;
    if (told) show(told, drafted);
    else if (always.value) ask();
  }

  /** Labels were saved: so many pictures wait no more. */
  function recount() {
    if (hasKept() && all.value.status !== "RUNNING") look().catch(() => {}); // a number that is a little old does no harm
  }

  const hasKept = () => all.value !== null && all.value.status !== "NONE";

  /** Ask for pictures that come next, so that their drafts are there when they are opened. */
  function prefetch(pictures) {
    for (const picture of pictures) {
      if (hasKept()) drafted(picture).catch(() => {});
      else if (always.value && models.value?.length) fetched(picture).catch(() => {});
    }
  }

  function setAlways(wanted) {
    always.value = wanted;
    localStorage.setItem(KEY, wanted ? "yes" : "no");
    if (wanted && !desk.draft.value) opened();
  }

  return { models, trained, all, state, always, begin, ask, opened, prefetch, setAlways, draftAll, stop, renewed, comeBack, recount };
}

/** What is asked for once, and again where that failed. */
function once(promises, picture, read) {
  if (!promises.has(picture)) {
    const reading = read();
    reading.catch(() => promises.delete(picture));
    promises.set(picture, reading);
  }
  return promises.get(picture);
}

const isBare = (document) => document !== null && !document.label && !document.places.length;

function plain({ label, box, polygons, runs, score }) {
  const form = runs ? { runs } : polygons ? { polygons } : { box };
  return { label, ...form, score };
}
