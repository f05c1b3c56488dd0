/** The card of a version's package: what it was trained on, how, and under which licences. */

import { html } from "../../vendor/preact.js";
import { get } from "../../api.js";
import { count, duration, kindName, plural, when } from "../../formats.js";
import { Loaded, useData } from "../../ui/data.js";
import { modelPath } from "./data.js";

const TASKS = {
  classes: "Damaged or whole, learnt from both",
  "multi-label": "Damaged or whole, and each damage type for itself: a picture may show several",
  anomaly: "What is unlike whole cars, learnt from whole ones alone",
  places: "Damage by the places that it finds",
};

/**
 * The facts.
 * @param {{project: string, version: string}} properties
 */
export function Facts({ project, version }) {
  const card = useData((signal) => get(`${modelPath(project, version)}/card`, {}, { signal }), [project, version]);
  return html`<${Loaded} of=${card}>${({ card: told }) => html`<${Told} card=${told} />`}</${Loaded}>`;
}

function Told({ card }) {
  const { data = {}, training = {}, licences = {} } = card;
  const classes = Object.entries(data.classes ?? {}).map(([name, number]) => `${count(number)} ${kindName(name)}`);
  const parts = [card.boxes && `boxes of ${card.boxes.classes.map(kindName).join(", ")}`, card.masks && `areas of ${card.masks.classes.map(kindName).join(", ")}`].filter(Boolean);
  const rows = [
    ["Tells", TASKS[card.task] ?? card.task],
    ["Finds besides", parts.join("; ") || null],
    ["Trained on", [plural(data.pictures ?? 0, "picture"), ...classes].join(", ")],
    ["Threshold of the training", card.threshold?.toFixed(3)],
    ["Chosen", training.chosen],
    ["Trained", `${when(card.created)}${training.seconds ? `, in ${duration(training.seconds)}` : ""}`],
    ["Looks at", `${card.side} × ${card.side} pixels`],
    ["Seed", training.seed],
    ["walkaround", card.walkaround],
    ["Fingerprint of the data", data.fingerprint?.slice(0, 16)],
    ["Fingerprint of the package", card.fingerprint?.slice(0, 12)],
    ["Licences", Object.entries(licences).map(([name, licence]) => `${name}: ${licence}`).join("; ")],
  ];
  return html`<dl class="pairs">
    ${rows.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([name, value]) => html`<dt key=${name}>${name}</dt><dd>${value}</dd>`)}
  </dl>`;
}
