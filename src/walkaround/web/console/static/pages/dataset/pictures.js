/** The gallery with its filters, what is chosen in it, and the picture that is looked at. */

import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { at, get, send } from "../../api.js";
import { count, plural } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { confirm } from "../../ui/dialog.js";
import { useKeys } from "../../ui/keys.js";
import { Empty, Note } from "../../ui/state.js";
import { failed, say } from "../../ui/toast.js";
import { label as setLabel, putBack, remove } from "./changes.js";
import { asParameters } from "./filters.js";
import { Gallery } from "./gallery.js";
import { Look } from "./look.js";
import { useRows } from "./rows.js";
import { all, NONE, without } from "./selection.js";
import { Chosen, Filters } from "./toolbar.js";
import { setQuery } from "../../router.js";

const CONFIRMED_FROM = 10;
const SIZE_KEY = "walkaround.gallery.size";
const LABELLED = { normal: "Labelled whole", anomaly: "Labelled damaged" };

/**
 * @param {{project: string, filters: object, shown: object, mine: boolean, onReload: () => void, onKeys: () => void}} properties `shown`: what the gallery of the API told; `mine`: may be changed.
 */
export function Pictures({ project, filters, shown, mine, onReload, onKeys }) {
  const { kind } = filters;
  const [size, setSize] = useState(() => localStorage.getItem(SIZE_KEY) ?? (innerWidth < 600 ? "small" : "medium"));
  const [ids, setIds] = useState(shown.ids);
  const [counts, setCounts] = useState(shown.counts);
  const [selection, setSelection] = useState(NONE);
  const [looking, setLooking] = useState(null);
  const bar = useRef(null);
  const undos = useRef([]); // what takes changes back, the newest last
  const { rows, version, want, change } = useRows(project, kind, shown.rows);
  useEffect(() => {
    setIds(shown.ids);
    setCounts(shown.counts);
    const still = new Set(shown.ids);
    setSelection((former) => without(former, new Set([...former.chosen].filter((id) => !still.has(id)))));
  }, [shown]);

  const recount = () =>
    get(at`/projects/${project}/datasets/${kind}/gallery`, asParameters(filters)).then((told) => {
      setCounts(told.counts);
      const still = new Set(told.ids);
      for (const row of told.rows) change([row.id], row);
      return still;
    }, failed);
  const chosenOrFocused = () => {
    if (selection.chosen.size) return [...selection.chosen];
    const index = document.activeElement?.dataset?.index;
    return index === undefined ? [] : [ids[Number(index)]];
  };
  const tell = (text, undo) => {
    const away = say(text, { action: { name: "Undo", act: () => takeBack(once) } });
    const once = () => {
      away();
      return undo();
    };
    undos.current.push(once);
  };
  const takeBack = (undo) => {
    undos.current = undos.current.filter((one) => one !== undo);
    return undo ? undo() : say("There is nothing to take back.");
  };
  const label = async (entries, value) => {
    if (!mine || !entries.length) return;
    const seen = new Map(entries.map((id) => [id, rows.get(id)]));
    let before;
    try {
      before = await labelsOf(project, kind, seen);
      change(entries, { label: value });
      await setLabel(project, kind, entries, value);
    } catch (problem) {
      if (!before) failed(problem); // else it told so itself
      for (const [id, row] of seen) if (row) change([id], row);
      await recount(); // of several thousand, some may be changed
      return;
    }
    const undo = () => relabel(before);
    if (entries.length > 1) tell(`${LABELLED[value] ?? "Label taken away"}: ${plural(entries.length, "picture")}.`, undo);
    else undos.current.push(undo);
    await recount();
  };
  const relabel = async (before) => {
    let back = 0;
    for (const value of ["normal", "anomaly", null]) {
      const entries = [...before].filter(([, former]) => former === value).map(([id]) => id);
      if (!entries.length) continue;
      change(entries, { label: value });
      const done = await setLabel(project, kind, entries, value).then(() => true, () => false); // it tells itself why not
      if (done) back += entries.length;
    }
    if (back) say(`Taken back: ${plural(back, "label")}.`);
    await recount();
  };
  const takeOut = async (entries) => {
    if (!mine || !entries.length) return;
    const text = `${plural(entries.length, "picture")} will be taken out of the ${kind === "test" ? "test" : "training"} pictures, with labels and drawings. The files stay, and you can undo it for a day.`;
    if (entries.length >= CONFIRMED_FROM && !(await confirm({ title: "Take the pictures out?", text, action: "Take out" }))) return;
    const { removal } = await remove(project, kind, entries);
    const gone = new Set(entries);
    setIds(ids.filter((id) => !gone.has(id)));
    setSelection(NONE);
    setLooking(null);
    tell(`${plural(entries.length, "picture")} taken out.`, () => putBack(project, kind, removal).then(onReload, () => {}));
    await recount();
  };
  const settle = async (entries) => {
    await send("POST", at`/projects/${project}/datasets/${kind}/check/settled`, { entries, kind: filters.flag });
    const gone = new Set(entries);
    setIds(ids.filter((id) => !gone.has(id)));
    setSelection(NONE);
    await recount();
  };
  useKeys({
    n: () => label(chosenOrFocused(), "normal"),
    a: () => label(chosenOrFocused(), "anomaly"),
    u: () => label(chosenOrFocused(), null),
    Delete: () => takeOut(chosenOrFocused()).catch(failed),
    "Ctrl+z": () => takeBack(undos.current.at(-1)),
    Escape: () => setSelection(NONE),
    "?": onKeys,
  });
  const chosen = selection.chosen.size;
  return html`<div>
    <div class="gallery-bar" ref=${bar}>
      <${Filters}
        filters=${filters}
        counts=${counts}
        checked=${shown.checked}
        size=${size}
        onSize=${(next) => {
          localStorage.setItem(SIZE_KEY, next);
          setSize(next);
        }}
      />
      ${chosen > 0 &&
      mine &&
      html`<${Chosen}
        number=${chosen}
        all=${ids.length}
        flag=${filters.flag}
        onLabel=${(value) => void label([...selection.chosen], value)}
        onRemove=${() => takeOut([...selection.chosen])}
        onSettle=${() => settle([...selection.chosen])}
        onAll=${() => setSelection(all(ids))}
        onNone=${() => setSelection(NONE)}
      />`}
    </div>
    ${shown.more && html`<${Note}><p>Only the first ${count(ids.length)} pictures are shown: filter to see the others.</p></${Note}>`}
    ${ids.length > 0
      ? html`<${Gallery}
          project=${project}
          kind=${kind}
          ids=${ids}
          rows=${rows}
          version=${version}
          size=${size}
          selection=${selection}
          selectable=${mine}
          sticky=${() => (bar.current && getComputedStyle(bar.current).position === "sticky" ? bar.current.offsetHeight : 0)}
          onWant=${want}
          onSelect=${setSelection}
          onOpen=${setLooking}
        />`
      : html`<${Empty} title="No picture is like this">
          <p>Nothing passes these filters.</p>
          <${Button} onPress=${() => setQuery({ label: null, flag: null, contains: null, state: null, drawn: null })}>Show all pictures</${Button}>
        </${Empty}>`}
    ${looking !== null &&
    html`<${Look}
      project=${project}
      kind=${kind}
      ids=${ids}
      index=${looking}
      rows=${rows}
      mayLabel=${mine}
      onMove=${(index) => {
        want(ids.slice(Math.max(0, index - 3), index + 4));
        setLooking(index);
      }}
      onLabel=${(entries, value) => void label(entries, value)}
      onClose=${() => setLooking(null)}
    />`}
  </div>`;
}

/** The label of each picture, by its number; those that were not scrolled to are asked for. @param {Map<number, object|undefined>} seen */
async function labelsOf(project, kind, seen) {
  if ([...seen.values()].every(Boolean)) return new Map([...seen].map(([id, row]) => [id, row.label ?? null]));
  const having = (label) => get(at`/projects/${project}/datasets/${kind}/gallery`, { label }).then(({ ids }) => new Set(ids));
  const [whole, damaged] = await Promise.all([having("normal"), having("anomaly")]);
  return new Map([...seen.keys()].map((id) => [id, whole.has(id) ? "normal" : damaged.has(id) ? "anomaly" : null]));
}
