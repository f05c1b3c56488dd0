/** The focus of who works without a mouse: what has it may go away, and the reader must not lose their place with it. */

const REMEMBERED = 12;
const PASSING = "dialog, .toast, [role=menu]";
const TITLE = "main h1[tabindex]";
const PLACES = "section, form, li, fieldset, dialog, .note";

let byKey = false;
let arriving = false;
let trail = []; // what had the focus, the newest first
let around = []; // what the newest lies in, the innermost first
let due = 0;

/** Another view is shown: the focus goes to its title, or to the field that it begins with, as soon as there is one. */
export function arrive() {
  arriving = true;
  soon();
}

addEventListener("keydown", () => (byKey = true), true);
addEventListener("pointerdown", () => (byKey = false), true);
addEventListener("focusin", ({ target }) => {
  arriving = false;
  trail = [target, ...trail.filter((one) => one !== target && one.isConnected)].slice(0, REMEMBERED);
  around = [];
  for (let one = target.parentElement; one && one !== document.body; one = one.parentElement) around.push(one);
});
new MutationObserver(soon).observe(document.body, { childList: true, subtree: true, attributeFilter: ["disabled", "hidden"] });

/** A frame later, when a view that knows better has put the focus where it belongs. */
function soon() {
  due ||= requestAnimationFrame(() => {
    due = 0;
    settle();
  });
}

function settle() {
  if (arriving) {
    const begin = document.querySelector("main [autofocus]") ?? document.querySelector(TITLE);
    begin?.focus({ preventScroll: true });
    return;
  }
  const [lost] = trail;
  const active = document.activeElement;
  if (!byKey || !lost || usable(lost) || (active && active !== document.body && active !== lost)) return;
  focusOn(next(lost));
}

function usable(element) {
  return element.isConnected && !element.matches(":disabled") && element.getClientRects().length > 0;
}

/** Where to go on: back to where a window was opened from, else the box that it happened in, else the title of the page. */
function next(lost) {
  const passed = around.find((one) => one.matches(PASSING));
  const former = passed && !passed.isConnected && trail.find((one) => one !== lost && usable(one));
  return former || around.find((one) => one.isConnected && one.matches(PLACES)) || document.querySelector(TITLE) || document.querySelector("main");
}

function focusOn(element) {
  if (!element) return;
  if (element.tabIndex < 0 && !element.hasAttribute("tabindex")) {
    element.tabIndex = -1;
    element.addEventListener("blur", () => element.removeAttribute("tabindex"), { once: true });
  }
  element.focus({ preventScroll: true }); // who scrolls a gallery by key must not be thrown back to its beginning
}
