/** The console begins here: who is it, which view does the address name, and what is shown until that is loaded. */

import { html, render, useEffect, useErrorBoundary, useState } from "./vendor/preact.js";
import { at, get } from "./api.js";
import { Link, matched, path } from "./router.js";
import { begin } from "./session.js";
import "./theme.js";
import { Shell } from "./shell.js";
import { arrive } from "./ui/focus.js";
import { Page } from "./ui/page.js";
import { Empty, Failed, Loading } from "./ui/state.js";
import { wear } from "./ui/style_of_page.js";
import { Toasts } from "./ui/toast.js";

/** Pattern of the address, module below pages/, and how it is framed: "bare" has no navigation, "wide" no margins. */
const ROUTES = [
  ["/", "home"],
  ["/sign-in", "sign-in", "bare"],
  ["/setup", "setup", "bare"],
  ["/welcome", "welcome"],
  ["/projects", "projects"],
  ["/account", "account"],
  ["/users", "users"],
  ["/keys", "keys"],
  ["/watches", "watches"],
  ["/results", "results"],
  ["/results/:id", "result"],
  ["/projects/:project", "dataset"],
  ["/projects/:project/dataset", "dataset"],
  ["/projects/:project/check", "check"],
  ["/projects/:project/label", "label", "wide"],
  ["/projects/:project/review", "review", "wide"],
  ["/projects/:project/train", "train"],
  ["/projects/:project/models", "models"],
  ["/projects/:project/models/:version", "model"],
  ["/projects/:project/compare", "compare"],
  ["/projects/:project/try", "try"],
  ["/projects/:project/try/:trial", "trial"],
  ["/projects/:project/results", "results"],
];

const MISSING = 404;
let first = true;

function Console() {
  const [started, setStarted] = useState(null);
  const start = () => begin().then(() => setStarted(true), setStarted);
  useEffect(() => {
    start();
  }, []);
  if (started === null) return html`<${Loading} />`;
  if (started instanceof Error) return html`<${Failed} problem=${started} onRetry=${start} />`;
  const [module, frame, parameters] = route(path.value);
  const view = html`<${View} key=${`${module} ${Object.values(parameters).join(" ")}`} module=${module} parameters=${parameters} />`;
  return frame === "bare" ? html`<main id="content">${view}</main><${Toasts} />` : html`<${Shell} wide=${frame === "wide"}>${view}</${Shell}>`;
}

/** A page, whose module is loaded when it is first shown. What goes wrong in it is told in its place. */
function View({ module, parameters }) {
  const [page, setPage] = useState(null);
  const [problem, again] = useErrorBoundary((error) => console.error(error));
  const gone = useGone(parameters.project);
  useEffect(() => {
    if (!first) arrive(); // of the first, the browser knows where to begin
    first = false;
  }, []);
  useEffect(() => {
    let here = true;
    const show = async (loaded) => {
      if (!here) return;
      await wear(loaded.styles);
      if (here) setPage(() => loaded.default);
    };
    import(`./pages/${module}.js`).then(
      show,
      (error) => {
        console.error(error);
        setPage(() => () => html`<${Failed} problem=${new Error("This page could not be loaded. Reload it; an update may be on its way.")} />`);
      },
    );
    return () => {
      here = false;
    };
  }, [module]);
  if (gone) return html`<${NoProject} name=${parameters.project} />`;
  if (problem) return html`<${Failed} problem=${problem} onRetry=${again} />`;
  return page ? html`<${page} ...${parameters} />` : html`<${Loading} />`;
}

/** Whether the project that the address names is not there. */
function useGone(project) {
  const [gone, setGone] = useState(false);
  useEffect(() => {
    if (project === undefined) return undefined;
    const asking = new AbortController();
    get(at`/projects/${project}`, {}, { signal: asking.signal }).catch(({ status }) => status === MISSING && setGone(true));
    return () => asking.abort();
  }, [project]);
  return gone;
}

function NoProject({ name }) {
  return html`<${Page} title="No such project">
    <${Empty} icon="model" title=${`There is no project called “${name}”`}>
      <p>It may have been deleted, or its name is written differently in the link.</p>
      <${Link} to="/projects" class="button main">See all projects</${Link}>
    </${Empty}>
  </${Page}>`;
}

function route(given) {
  for (const [pattern, module, frame] of ROUTES) {
    const parameters = matched(pattern, given);
    if (parameters) return [module, frame, parameters];
  }
  return ["missing", undefined, {}];
}

render(html`<${Console} />`, document.getElementById("app"));
document.querySelector("#app > .starting")?.remove();
