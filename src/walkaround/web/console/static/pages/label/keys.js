/** The keys of labelling: what is pressed, by name, and the window that tells all of them. */

import { useEffect, useRef } from "../../vendor/preact.js";

const WRITES = "input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable], [role=menu]";
const PRESSED = "button, a, summary, input";
const NEAR = 4; // pixels of the screen that an arrow moves the crosshair by
const FAR = 40; // with Shift

/**
 * Do something at a key, also one with Alt, unless the reader is writing, or presses what has the focus.
 * @param {Record<string, (event: KeyboardEvent) => void>} keys by `event.key`, letters in lower case, after "Ctrl+", "Alt+", "Shift+" in this order.
 * @param {{windows?: number}} [options] `windows`: how many are open over the page where the keys count, 1 for those of a window.
 */
export function useLabelKeys(keys, { windows = 0 } = {}) {
  const newest = useRef(keys);
  newest.current = keys;
  useEffect(() => {
    const press = (event) => {
      const target = event.target instanceof Element ? event.target : document.body;
      if (target.closest(WRITES) || document.querySelectorAll("dialog[open]").length !== windows) return;
      if ((event.key === "Enter" || event.key === " ") && target.closest(PRESSED)) return;
      if (event.key.startsWith("Arrow") && target.matches("input[type=radio], input[type=range]")) return;
      const act = newest.current[nameOf(event)];
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

/** A key's name, such as "Alt+ArrowUp", "Ctrl+z" or "?". */
export function nameOf(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && (event.key.length > 1 || /[a-z]/.test(key));
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${shift ? "Shift+" : ""}${key}`;
}

/**
 * What the keys do that labelling and reviewing share.
 * @param {ReturnType<typeof import("./desk.js").makeDesk>} desk
 */
export function deskKeys(desk) {
  const arrows = {};
  const drawing = draws(desk);
  for (const [name, dx, dy] of [["ArrowLeft", -1, 0], ["ArrowRight", 1, 0], ["ArrowUp", 0, -1], ["ArrowDown", 0, 1]]) {
    arrows[`Ctrl+${name}`] = () => desk.pan(-FAR * dx, -FAR * dy);
    if (drawing) {
      arrows[name] = () => desk.aim(NEAR * dx, NEAR * dy);
      arrows[`Shift+${name}`] = () => desk.aim(FAR * dx, FAR * dy);
    }
    if (drawing || !desk.place.value) continue;
    arrows[name] = () => desk.move(dx, dy);
    arrows[`Shift+${name}`] = () => desk.move(10 * dx, 10 * dy);
    arrows[`Alt+${name}`] = () => desk.grow(dx, dy);
    arrows[`Alt+Shift+${name}`] = () => desk.grow(10 * dx, 10 * dy);
  }
  const classes = {};
  for (const { name, hotkey } of desk.classes.value) if (hotkey) classes[hotkey] = () => desk.useClass(name);
  return {
    v: () => desk.useTool("select"),
    b: () => desk.useTool("box"),
    "Shift+b": desk.addBox,
    p: () => desk.useTool("polygon"),
    r: () => desk.useTool("brush"),
    e: () => desk.useTool("eraser"),
    "[": () => desk.brush(-1),
    "]": () => desk.brush(1),
    "+": () => desk.zoom(1.25),
    "=": () => desk.zoom(1.25),
    "-": () => desk.zoom(0.8),
    f: desk.fit,
    0: desk.fit,
    o: () => desk.chooseNext(1),
    "Shift+o": () => desk.chooseNext(-1),
    c: desk.copyFormer,
    " ": ({ repeat }) => drawing && !repeat && putDown(desk), // held, it moves the picture; the page must not scroll
    "Ctrl+z": desk.undo,
    "Ctrl+Shift+z": desk.redo,
    "Ctrl+y": desk.redo,
    Delete: () => desk.remove(),
    Backspace: () => (desk.ring.value.length ? (desk.ring.value = desk.ring.value.slice(0, -1)) : desk.remove()),
    Escape: () => {
      if (desk.lift()) return;
      if (desk.ring.value.length) desk.ring.value = [];
      else if (desk.chosen.value !== null) desk.chosen.value = null;
      else if (desk.draft.value) desk.reject();
      else desk.useTool("select");
    },
    ...classes,
    ...arrows,
  };
}

/** Enter, as far as drawing goes; whether it was used up. */
export function entered(desk) {
  if (desk.ring.value.length > 2) desk.closeRing();
  else if (desk.draft.value) desk.accept();
  else if (draws(desk)) putDown(desk);
  else return false;
  return true;
}

/** Whether the arrows move a crosshair: a tool is in hand, and nothing is chosen that they could move instead. */
function draws(desk) {
  const { value: tool } = desk.tool;
  if (tool === "select" || !desk.size.value) return false;
  return tool === "brush" || tool === "eraser" || !desk.place.value;
}

/** Use the tool at the crosshair, which is shown first where there is none. */
function putDown(desk) {
  if (desk.cross.value) desk.put();
  else desk.aim(0, 0);
}

/** All keys of drawing, for the window that tells them. */
export const DRAWING_KEYS = [
  {
    title: "What is drawn with",
    keys: [
      [["V"], "choose and move"],
      [["B"], "box: drag from corner to corner"],
      [["Shift", "B"], "a box in the middle, for the arrows to move"],
      [["P"], "outline: click point after point; Enter or the first point closes it"],
      [["R"], "brush"],
      [["E"], "eraser"],
      [["[", "]"], "smaller, larger brush"],
      [["←", "↑", "→", "↓"], "a crosshair, with a tool in hand (Shift: in larger steps)"],
      [["Space"], "a point, a corner of a box, or a stroke from the last one, where the crosshair is; Esc begins elsewhere"],
      [["1", "…", "9"], "class: of what is chosen, of what is drawn next, or of the whole picture"],
    ],
  },
  {
    title: "What is chosen",
    keys: [
      [["O"], "choose the next place (Shift: the one before)"],
      [["←", "↑", "→", "↓"], "move (Shift: by 10 pixels)"],
      [["Alt", "arrows"], "make wider, higher (Shift: by 10 pixels)"],
      [["Del"], "take away; of an outline, Alt-click takes a point away"],
      [["Esc"], "let go"],
      [["Ctrl", "Z"], "undo"],
      [["Ctrl", "Y"], "do again"],
      [["C"], "copy what was drawn on the last picture"],
    ],
  },
  {
    title: "Seeing",
    keys: [
      [["+", "−"], "closer, further; the wheel does it where the pointer is"],
      [["F"], "the whole picture"],
      [["Ctrl", "arrows"], "move the picture"],
      [["Space"], "hold it and drag to move the picture; or the middle button, or two fingers"],
      [["H"], "hide names and painted areas"],
    ],
  },
];

const ELSEWHERE = ["C", "H"];

/** The keys of drawing where there is no picture before this one, and nothing to hide. */
export const ALONE_KEYS = DRAWING_KEYS.map((group) => ({ ...group, keys: group.keys.filter(([[first]]) => !ELSEWHERE.includes(first)) }));
