/** The model card: what a model is, what it was made of, under which licences. */

import { html } from "../../vendor/preact.js";
import { address, at, get } from "../../api.js";
import { count, duration, kindName, percent, when } from "../../formats.js";
import { Loaded, useData } from "../../ui/data.js";
import { Dialog } from "../../ui/dialog.js";
import { Icon } from "../../ui/icon.js";

const TASKS = {
  classes: "from whole and damaged cars",
  "multi-label": "from whole and damaged cars, each damage type for itself",
  anomaly: "from whole cars alone",
  places: "by the boxes and masks that it finds",
};

/**
 * @param {{project: string, version: string, onClose: () => void}} properties
 */
export function CardDialog({ project, version, onClose }) {
  const card = useData((signal) => get(at`/projects/${project}/models/${version}/card`, {}, { signal }), [project, version]);
  return html`<${Dialog} title=${`Card of version ${version}`} wide onClose=${onClose}>
    <${Loaded} of=${card}>${({ card: told }) => html`<${Card} card=${told} />`}</${Loaded}>
    <p class="row end">
      <a class="button plain" href=${address(at`/projects/${project}/models/${version}/package`)} download><${Icon} name="download" />Download the package</a>
    </p>
  </${Dialog}>`;
}

/** The rows of a card that a person reads: name and value. */
export function rowsOf(card) {
  const rows = [
    ["Made", `${when(card.created)}, by walkaround ${card.walkaround}`],
    ["Verdict", `${TASKS[card.task] ?? card.task}: ${card.classes.map(kindName).join(", ")}`],
    ["Called damaged from", percent(card.threshold)],
  ];
  for (const [name, part] of [["Boxes", card.boxes], ["Masks", card.masks]]) {
    if (part) rows.push([name, part.classes.map(kindName).join(", ")]);
  }
  const { data, training } = card;
  if (data.pictures) rows.push(["Learnt from", `${count(data.pictures)} pictures; fingerprint ${String(data.fingerprint ?? "–").slice(0, 12)}`]);
  if (training.chosen) rows.push(["Chosen", String(training.chosen)]);
  if (training.seconds) rows.push(["Trained in", `${duration(training.seconds)}, seed ${training.seed}`]);
  rows.push(["Picture size inside", `${card.side} × ${card.side} pixels`]);
  rows.push(["Licences", Object.entries(card.licences).map(([part, licence]) => `${part}: ${licence}`).join("; ") || "–"]);
  return rows;
}

function Card({ card }) {
  return html`<dl class="card">${rowsOf(card).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <details><summary>All of card.json</summary><pre class="json" tabindex="0">${JSON.stringify(card, null, 2)}</pre></details>`;
}
