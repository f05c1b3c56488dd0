/** One version of a model: its scores with how sure they are, how it stands, and what can be done with it. */

import { html, useState } from "../../vendor/preact.js";
import { address, at, send } from "../../api.js";
import { ago, percent, plural, score, when } from "../../formats.js";
import { go, Link } from "../../router.js";
import { may } from "../../session.js";
import { Button } from "../../ui/button.js";
import { confirm } from "../../ui/dialog.js";
import { Menu } from "../../ui/menu.js";
import { Panel } from "../../ui/page.js";
import { Badge } from "../../ui/state.js";
import { CheckField } from "../../ui/field.js";
import { CardDialog } from "./card.js";
import { HostingNow, StartDialog, stopped } from "./hosting.js";
import { SnippetsDialog } from "./snippets.js";
import { isTrained, mayDelete, mayStart, mayStop, statusWords } from "./statuses.js";

const PARTS = { boxes: "boxes", masks: "masks" };

/**
 * @param {{project: string, model: any, chosen: boolean, onChoose: (chosen: boolean) => void, onChanged: () => void}} properties
 *   `chosen`: to be compared.
 */
export function VersionPanel({ project, model, chosen, onChoose, onChanged }) {
  const [open, setOpen] = useState(null);
  const { version, status, summary } = model;
  const [state, kind] = statusWords(status);
  const close = () => setOpen(null);
  const place = at`/projects/${project}/models/${version}`;
  const name = html`${isTrained(status) ? html`<${Link} to=${place}>Version ${version}</${Link}>` : `Version ${version}`}`;
  return html`<${Panel} class="panel version">
    <header>
      <div>
        <h2>${name} <${Badge} kind=${kind}>${state}</${Badge}></h2>
        <p class="small muted">
          ${model.description && html`${model.description} · `}<span title=${when(model.created)}>${ago(model.created)}</span>
          ${summary?.finds.filter((part) => PARTS[part]).map((part) => html` · finds ${PARTS[part]}`)}
        </p>
      </div>
      ${summary && onChoose && html`<${CheckField} label=${html`Compare<span class="unseen"> version ${version}</span>`} checked=${chosen} onChange=${onChoose} />`}
    </header>
    ${summary && html`<${Scores} model=${model} />`}
    ${["TRAINING_FAILED", "HOSTING_FAILED"].includes(status) && html`<p class="problem">${model.message}</p>`}
    ${status === "TRAINING" && html`<p><${Link} to=${`${at`/projects/${project}/train`}?version=${version}`}>See how far it is</${Link}></p>`}
    ${status === "HOSTED" && html`<${HostingNow} project=${project} version=${version} />`}
    <div class="row">
      ${may("manage") && mayStart(status) && html`<${Button} kind="main" icon="play" onPress=${() => setOpen("start")}>Start</${Button}>`}
      ${may("manage") && mayStop(status) && html`<${Button} icon="stop" onPress=${async () => (await stopped(project, version)) && onChanged()}>Stop</${Button}>`}
      ${isTrained(status) && html`<${Button} icon="copy" onPress=${() => setOpen("snippets")}>Use in a program</${Button}>`}
      <${Menu} label="More" items=${items(project, model, setOpen, onChanged)} />
    </div>
    ${open === "start" && html`<${StartDialog} project=${project} version=${version} onClose=${close} onStarted=${() => (close(), onChanged())} />`}
    ${open === "snippets" && html`<${SnippetsDialog} project=${project} version=${version} onClose=${close} />`}
    ${open === "card" && html`<${CardDialog} project=${project} version=${version} onClose=${close} />`}
  </${Panel}>`;
}

function items(project, { version, status }, setOpen, onChanged) {
  const path = at`/projects/${project}/models/${version}`;
  const all = [];
  if (isTrained(status)) {
    all.push({ name: "Model card", hint: "What it is and was made of", act: () => setOpen("card") });
    all.push({ name: "Download the package", hint: "For walkaround on any machine", href: address(`${path}/package`) });
  }
  all.push({ name: "Its training", hint: "Curves, and what it noticed", act: () => go(`${at`/projects/${project}/train`}?version=${version}`) });
  if (may("manage") && mayDelete(status)) all.push({ name: "Delete", act: () => deleted(path, version, onChanged) });
  return all;
}

async function deleted(path, version, onChanged) {
  const text = "The model, its scores and the log of its training are gone for good. The pictures and the findings that it made stay.";
  if (!(await confirm({ title: `Delete version ${version}?`, text, action: "Delete it" }))) return;
  await send("DELETE", path);
  onChanged();
}

function Scores({ model }) {
  const { summary } = model;
  const moved = differs(summary.f1, model.f1);
  return html`<div class="figures">
      <${Measured} name="F1 score" of=${summary.f1} now=${model.f1} />
      <${Measured} name="Right verdicts" of=${summary.accuracy} share before=${moved} />
      <${Measured} name="AUROC" of=${summary.auroc} />
      ${summary.types && html`<${Measured} name="Damage types, F1" of=${summary.types} />`}
      ${summary.boxes && html`<${Measured} name="Boxes, AP50" of=${summary.boxes} />`}
      ${summary.masks && html`<${Measured} name="Masks, IoU" of=${summary.masks} />`}
    </div>
    <p class="small muted">Measured on ${plural(summary.tested, "picture")} that it did not learn from; the bars are where the scores lie with 95 % certainty.</p>`;
}

/** Whether a score is another one now, at a threshold that a person adopted. */
const differs = (of, now) => Boolean(of) && now !== undefined && now !== null && Math.abs(now - of.value) > 0.0005;

/** A score with its range; `now`: what it is at the threshold that counts, `before`: it is that of the training's, and that does not count any more. */
function Measured({ name, of, now, share = false, before = false }) {
  if (!of) return null;
  const adopted = differs(of, now);
  const shown = share ? percent : score;
  const range = of.low === null ? "" : `${shown(of.low)} to ${shown(of.high)}`;
  return html`<div class="figure">
    <span class="name">${name}</span>
    <strong>${shown(adopted ? now : of.value)}</strong>
    ${!adopted && range && html`<${Range} low=${of.low} value=${of.value} high=${of.high} />`}
    <span class="small muted">${adopted ? `at the adopted threshold; ${shown(of.value)} before` : range}${before ? ", at the threshold of the training" : ""}</span>
  </div>`;
}

/** A score as a mark on a line from 0 to 1, with its range; the numbers stand below it. */
function Range({ low, value, high }) {
  return html`<svg class="range" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="whole-line" x="0" y="3" width="100" height="2" />
    <rect class="span" x=${100 * low} y="2" width=${Math.max(0.5, 100 * (high - low))} height="4" />
    <rect class="value" x=${Math.max(0, 100 * value - 0.75)} y="0" width="1.5" height="8" />
  </svg>`;
}
