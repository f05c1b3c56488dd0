/** All projects: go to one, make one, delete one. */

import { html, useState } from "../vendor/preact.js";
import { at, get } from "../api.js";
import { ago, when } from "../formats.js";
import { Link } from "../router.js";
import { may } from "../session.js";
import { Button } from "../ui/button.js";
import { Loaded, useData } from "../ui/data.js";
import { Dialog } from "../ui/dialog.js";
import { TextField } from "../ui/field.js";
import { Page, Panel } from "../ui/page.js";
import { ProgressBar } from "../ui/progress.js";
import { Empty } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { say } from "../ui/toast.js";
import { deleteProject } from "./projects/deleting.js";
import { NewProject } from "./projects/form.js";
import { Foot, Problem } from "./users/dialogs.js";
import { useSubmit } from "./sign-in/door.js";

export const styles = await styled(import.meta.url);

/** The page. */
export default function Projects() {
  const projects = useData((signal) => every(signal), []);
  const [open, setOpen] = useState(null);
  const actions = html`<${Link} to="/welcome" class="button plain">Drawn cars</${Link}>
    <${Button} kind="main" icon="plus" onPress=${() => setOpen({ make: true })}>New project</${Button}>`;
  return html`<${Page} title="Projects" lead="A project has pictures of one kind, and the models that were trained on them." actions=${may("manage") && actions}>
    <${Loaded} of=${projects}>
      ${(all) =>
        all.length === 0
          ? html`<${Empty} icon="model" title="No projects yet"><p>Make one, and add your photos.</p></${Empty}>`
          : html`<${Panel}><ul class="projects-list">${all.map((one) => html`<${Row} key=${one.name} project=${one} onDelete=${() => setOpen({ remove: one.name })} />`)}</ul></${Panel}>`}
    </${Loaded}>
    ${open?.make && html`<${Dialog} title="New project" onClose=${() => setOpen(null)}><${NewProject} autofocus /></${Dialog}>`}
    ${open?.remove &&
    html`<${Remove}
      name=${open.remove}
      onClose=${() => {
        setOpen(null);
        projects.reload();
      }}
    />`}
  </${Page}>`;
}

function Row({ project, onDelete }) {
  return html`<li>
    <div>
      <${Link} to=${at`/projects/${project.name}/dataset`} class="projects-name">${project.name}</${Link}>
      <span class="small muted" title=${when(project.created)}>made ${ago(project.created)}</span>
    </div>
    <div class="row">
      <${Link} to=${at`/projects/${project.name}/models`} class="button quiet">Models</${Link}>
      <${Link} to=${at`/projects/${project.name}/results`} class="button quiet">Results</${Link}>
      ${may("manage") && html`<${Button} kind="quiet" onPress=${onDelete} aria-label=${`Delete ${project.name}`}>Delete</${Button}>`}
    </div>
  </li>`;
}

function Remove({ name, onClose }) {
  const [typed, setTyped] = useState("");
  const [doing, setDoing] = useState("");
  const form = useSubmit(async () => {
    await deleteProject(name, setDoing);
    say(`The project ${name} is deleted.`);
    onClose();
  });
  return html`<${Dialog} title=${`Delete ${name}?`} onClose=${onClose}>
    <form onSubmit=${form.submit}>
      <p>Its models, labels, trials and results are deleted with it, and cannot be brought back. The picture files themselves stay in their bucket.</p>
      <${Problem} of=${form.problem} />
      ${form.busy
        ? html`<${ProgressBar} text=${doing || "Looking what is in it …"} />`
        : html`<${TextField} label=${html`Type <strong>${name}</strong> to go on`} value=${typed} onInput=${setTyped} autofocus autocomplete="off" autocapitalize="none" spellcheck="false" required pattern=${name} title=${`Type ${name}`} />`}
      <${Foot} action="Delete all of it" kind="danger" busy=${form.busy || typed !== name} onClose=${onClose} />
    </form>
  </${Dialog}>`;
}

async function every(signal) {
  const found = [];
  for (let next = null, page; page === undefined || next; next = page.next) {
    page = await get("/projects", { next }, { signal });
    found.push(...page.projects);
  }
  return found;
}
