/** The frame around every page: where one is, where one can go, and who one is. */

import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { at, get, send } from "./api.js";
import { go, Link, matched, path } from "./router.js";
import { may, session, take } from "./session.js";
import { choice, turn } from "./theme.js";
import { Button, IconButton } from "./ui/button.js";
import { useData } from "./ui/data.js";
import { Icon } from "./ui/icon.js";
import { Toasts } from "./ui/toast.js";

const OF_PROJECT = [
  ["dataset", "Pictures", "pictures"],
  ["check", "Check", "check"],
  ["label", "Label", "label"],
  ["review", "Review", "review"],
  ["train", "Train", "train"],
  ["models", "Models", "model"],
  ["try", "Try", "try"],
  ["results", "Results", "results"],
];
const OF_ALL = [
  ["/", "Dashboard", "dashboard", "read"],
  ["/projects", "Projects", "model", "read"],
  ["/results", "All results", "results", "read"],
  ["/watches", "Watches", "watch", "read"],
  ["/users", "Users", "users", "admin"],
  ["/keys", "Access keys", "key", "read"],
];
const THEMES = { system: "Colours: system", light: "Colours: light", dark: "Colours: dark" };

/**
 * The frame.
 * @param {{wide?: boolean, children: any}} properties `wide`: the page has the whole space to itself.
 */
export function Shell({ wide = false, children }) {
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path.value]);
  return html`<a class="skip" href="#content">To the content</a>
    <div class="shell">
      <header class="phone-bar">
        <${IconButton} icon="menu" label="Navigation" aria-expanded=${open} onPress=${() => setOpen(!open)} />
        <strong>walkaround</strong>
      </header>
      ${open && html`<div class="scrim" onClick=${() => setOpen(false)}></div>`}
      <aside class=${open ? "side open" : "side"}>
        <${Link} to="/" class="brand"><img src=${new URL("icon.svg", import.meta.url).href} alt="" />walkaround</${Link}>
        <${ProjectNavigation} />
        <nav aria-label="All projects">
          <h2>All projects</h2>
          ${OF_ALL.filter(([, , , role]) => may(role)).map(([to, name, icon]) => html`<${Place} key=${to} to=${to} name=${name} icon=${icon} />`)}
        </nav>
        <${Foot} />
      </aside>
      <main id="content" class=${wide ? "content wide" : "content"} tabindex="-1">${children}</main>
    </div>
    <${Toasts} />`;
}

function ProjectNavigation() {
  const current = projectOf(path.value);
  const projects = useData((signal) => get("/projects", { limit: 100 }, { signal }), [path.value.split("/")[2] ?? ""]);
  const names = (projects.value?.projects ?? []).map((one) => one.name);
  const project = current ?? localStorage.getItem("walkaround.project") ?? names[0];
  useEffect(() => {
    if (current) localStorage.setItem("walkaround.project", current);
  }, [current]);
  const stepping = useRef(false); // an arrow key goes through the names; Enter takes one
  if (!names.length && !current) return null;
  const open = (name) => {
    const part = path.value.split("/")[3];
    go(at`/projects/${name}/${OF_PROJECT.some(([end]) => end === part) ? part : "dataset"}`);
  };
  const shown = names.includes(project) || current ? project : names[0];
  return html`<nav aria-label="Project">
    <h2><label for="project">Project</label></h2>
    <select
      id="project"
      class="input"
      onPointerDown=${() => (stepping.current = false)}
      onKeyDown=${(event) => {
        stepping.current = event.key !== "Enter";
        if (event.key === "Enter" && event.currentTarget.value !== shown) open(event.currentTarget.value);
      }}
      onBlur=${(event) => (event.currentTarget.value = shown)}
      onChange=${(event) => stepping.current || open(event.currentTarget.value)}
    >
      ${[...new Set([...names, ...(shown ? [shown] : [])])].map((name) => html`<option key=${name} value=${name} selected=${name === shown}>${name}</option>`)}
    </select>
    ${OF_PROJECT.map(([end, name, icon]) => html`<${Place} key=${end} to=${at`/projects/${shown}/${end}`} name=${name} icon=${icon} />`)}
  </nav>`;
}

function Place({ to, name, icon }) {
  const alone = to === "/" || to === "/projects"; // what lies below these has places of its own
  const here = path.value === to || (!alone && path.value.startsWith(`${to}/`));
  return html`<${Link} to=${to} aria-current=${here ? "page" : undefined}><${Icon} name=${icon} />${name}</${Link}>`;
}

function Foot() {
  const told = session.value;
  const leave = async () => {
    await send("DELETE", "/session");
    take(null);
    go("/sign-in");
  };
  return html`<div class="foot">
    <${Button} kind="quiet" icon="sun" onPress=${turn}>${THEMES[choice.value]}</${Button}>
    <a href="/api/v1/docs">REST API</a>
    ${told?.user && html`<div class="row"><span>Signed in as <${Link} to="/account"><strong>${told.user}</strong></${Link}></span><${Button} kind="quiet" onPress=${leave}>Sign out</${Button}></div>`}
  </div>`;
}

function projectOf(given) {
  return matched("/projects/:project/:rest", given)?.project ?? matched("/projects/:project/:rest/:more", given)?.project ?? null;
}
