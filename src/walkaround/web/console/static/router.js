/** Which view is shown: the address is the truth, so that every view can be linked to, left and come back to. */

import { html, signal, computed } from "./vendor/preact.js";

const ROOT = "/console";

const place = signal(here());
/** Path below /console, such as `/projects/cars/label`. */
export const path = computed(() => place.value.path);
/** Query of the address. */
export const query = computed(() => new URLSearchParams(place.value.search));

const guards = new Set();

/**
 * Go to another view.
 * @param {string} to path below /console, with its query.
 * @param {{replace?: boolean}} [options] `replace`: the present view is not come back to.
 */
export function go(to, { replace = false } = {}) {
  if (![...guards].every((mayLeave) => mayLeave(to))) return;
  history[replace ? "replaceState" : "pushState"](null, "", ROOT + to);
  const former = place.value.path;
  place.value = here();
  if (place.value.path !== former) {
    window.scrollTo(0, 0);
  }
}

/**
 * Change parts of the query, and stay in the view.
 * @param {Record<string, string|number|null|undefined>} changes null takes a part away.
 * @param {{replace?: boolean}} [options]
 */
export function setQuery(changes, { replace = true } = {}) {
  const next = new URLSearchParams(place.value.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") next.delete(name);
    else next.set(name, String(value));
  }
  const text = next.toString();
  go(place.value.path + (text ? `?${text}` : ""), { replace });
}

/**
 * Ask before the view is left, as while something is not saved.
 * @param {(to: string) => boolean} mayLeave
 * @returns {() => void} takes it back.
 */
export function guard(mayLeave) {
  guards.add(mayLeave);
  return () => guards.delete(mayLeave);
}

/** A link to another view: `<Link to="/results" class="…">Results</Link>`. */
export function Link({ to, children, ...others }) {
  const open = (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return html`<a href=${ROOT + to} onClick=${open} ...${others}>${children}</a>`;
}

/**
 * The parts of a path that fits a pattern.
 * @param {string} pattern such as `/projects/:project/models/:version`.
 * @param {string} given the path.
 * @returns {Record<string, string>|null} null where it does not fit.
 */
export function matched(pattern, given) {
  const wanted = pattern.split("/");
  const parts = given.replace(/(.)\/$/, "$1").split("/");
  if (wanted.length !== parts.length) return null;
  const found = {};
  for (const [index, name] of wanted.entries()) {
    if (name.startsWith(":")) found[name.slice(1)] = decoded(parts[index]);
    else if (name !== parts[index]) return null;
  }
  return found;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function here() {
  return { path: location.pathname.slice(ROOT.length) || "/", search: location.search };
}

addEventListener("popstate", () => {
  place.value = here();
});
