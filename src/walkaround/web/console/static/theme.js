/** Light or dark: as the system has it, until the reader chooses. */

import { effect, signal } from "./vendor/preact.js";

const KEY = "walkaround.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

/** What the reader chose: "light", "dark", or "system". */
export const choice = signal(localStorage.getItem(KEY) ?? "system");
/** What is shown: "light" or "dark". */
export const theme = signal("light");

function show() {
  theme.value = choice.value === "system" ? (system.matches ? "dark" : "light") : choice.value;
  document.documentElement.dataset.theme = theme.value;
}

/** The next choice of system, light and dark. */
export function turn() {
  const order = ["system", "light", "dark"];
  choice.value = order[(order.indexOf(choice.value) + 1) % order.length];
  localStorage.setItem(KEY, choice.value);
}

effect(show);
system.addEventListener("change", show);
