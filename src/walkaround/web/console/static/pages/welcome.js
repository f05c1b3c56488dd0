/** The first minute: drawn cars for who wants to see how it goes, or a project for one's own photos. */

import { html } from "../vendor/preact.js";
import { at, get, send } from "../api.js";
import { Link } from "../router.js";
import { may } from "../session.js";
import { Button } from "../ui/button.js";
import { Loaded, useData } from "../ui/data.js";
import { Page, Panel } from "../ui/page.js";
import { Note } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { freeName } from "./projects/names.js";
import { NewProject } from "./projects/form.js";
import { Steps } from "./welcome/steps.js";

export const styles = await styled(import.meta.url);

const CARS = new URL("welcome/cars.jpg", import.meta.url).href;
const LOOK_MS = 1000;
const NAME = "drawn-cars";

/** The page. */
export default function Welcome() {
  const samples = useData((signal) => get("/samples", {}, { signal }), [], { every: LOOK_MS });
  const lead = "Find damage on vehicles with a model that is trained on your photos, on your machine.";
  if (!may("manage")) return html`<${Page} title="Welcome" lead=${lead}><${Note}><p>Nothing is here yet. Somebody with the role Manage can make the first project.</p></${Note}></${Page}>`;
  return html`<${Page} title="Welcome" lead=${lead}>
    <div class="welcome">
      <${Panel} title="Try it with drawn cars">
        <img class="welcome-cars" src=${CARS} width="960" height="225" alt="Three drawn cars: one whole, one with a dent, one after a crash" />
        <${Loaded} of=${samples}>${({ samples: all }) => html`<${Drawn} newest=${all[0]} onBegin=${samples.reload} />`}</${Loaded}>
      </${Panel}>
      <${Panel} title="Use my photos">
        <p>Begin with photos of whole and of damaged cars: twenty whole and ten damaged ones are enough to start, hundreds are better. They stay on this machine.</p>
        <${NewProject} action="Make it and add photos" />
      </${Panel}>
    </div>
  </${Page}>`;
}

function Drawn({ newest, onBegin }) {
  const begin = async () => {
    const { projects } = await get("/projects", { limit: 100 });
    const name = freeName(NAME, projects.map((one) => one.name));
    await send("POST", "/samples", { name });
    await onBegin();
  };
  if (newest?.state === "running") {
    return html`<${Steps} sample=${newest} />
      <p class="small muted">You can leave this page and come back: the server goes on by itself.</p>`;
  }
  if (newest?.state === "done") return html`<${Steps} sample=${newest} /><${Onwards} sample=${newest} />`;
  return html`${newest?.state === "failed" && html`<${Steps} sample=${newest} />`}
    <p>One click draws 120 cars, half of them damaged, trains a model on them and starts it. It takes a minute or two, and you see every step.</p>
    <${Button} kind="main" onPress=${begin}>${newest ? "Try again" : "Try it with drawn cars"}</${Button}>`;
}

function Onwards({ sample }) {
  const project = sample.project;
  return html`<div class="row">
    <${Link} to=${at`/projects/${project}/models/${sample.version ?? "1"}`} class="button main">See how good it is</${Link}>
    <${Link} to=${at`/projects/${project}/try`} class="button plain">Try it on a picture</${Link}>
    <${Link} to=${at`/projects/${project}/dataset`} class="button plain">Look at the cars</${Link}>
  </div>`;
}
