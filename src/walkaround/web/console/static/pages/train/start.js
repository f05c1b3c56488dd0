/** The one button that trains, and the few options behind it. */

import { html, useState } from "../../vendor/preact.js";
import { at, send } from "../../api.js";
import { plural } from "../../formats.js";
import { may } from "../../session.js";
import { Button } from "../../ui/button.js";
import { CheckField, Choice, Field, TextField } from "../../ui/field.js";
import { Panel } from "../../ui/page.js";
import { partWords } from "./words.js";

const PARTS = ["verdict", "boxes", "masks"];
const LONGEST_MINUTES = 10080;

/** What is asked for unless somebody changes it; null: the service decides. */
export const DEFAULTS = { minutes: "", quality: null, parts: null, multi_label: null, description: "" };

/**
 * What is wrong with the minutes that were typed; null: nothing.
 * @param {string} text
 * @param {number|null} most that the operator allows.
 */
export function minutesProblem(text, most) {
  if (text.trim() === "") return null;
  const number = Number(text);
  const limit = most ?? LONGEST_MINUTES;
  if (!Number.isFinite(number) || number < 0.1) return "Write a number of minutes, or leave it empty.";
  return number > limit ? `At most ${limit} minutes are allowed here.` : null;
}

/**
 * The button, with its options.
 * @param {{project: string, plan: any, options: typeof DEFAULTS, onOptions: (options: object) => void, onStarted: (model: any) => void}} properties
 */
export function Start({ project, plan, options, onOptions, onStarted }) {
  const problem = minutesProblem(options.minutes, plan.most_minutes);
  const train = async () => {
    const minutes = options.minutes.trim() ? Number(options.minutes) : null;
    const { quality, parts, multi_label } = options;
    onStarted(await send("POST", at`/projects/${project}/models`, { minutes, quality, parts, multi_label, description: options.description.trim() || null }));
  };
  return html`<${Panel} title="Train">
    <div class="row start">
      <${Button} kind="main" icon="train" onPress=${train} disabled=${!plan.ready || problem !== null || !may("manage")}>Train version ${plan.version}</${Button}>
      <p class="small muted">
        ${!may("manage") ? "You may look. To train, your role has to be “manage”." : plan.ready ? "You can leave this page: training goes on, also after a restart of the server." : "What is missing is said under “What will be trained”."}
      </p>
    </div>
    <${Options} plan=${plan} options=${options} problem=${problem} onChange=${(change) => onOptions({ ...options, ...change })} />
    <p class="small muted">${plural(plan.trainings, "model")} of at most ${plan.trainings_at_once} in training; ${plural(plan.models, "version")} of at most ${plan.models_per_project}.</p>
  </${Panel}>`;
}

function Options({ plan, options, problem, onChange }) {
  const quality = options.quality ?? plan.quality;
  const there = PARTS.filter((part) => part === "verdict" || options.parts || plan.learnt.some((one) => one.part === part));
  const [named, setNamed] = useState(there);
  const offered = options.parts ? named : there;
  const chosen = options.parts ?? offered;
  const choose = (part, wanted) => {
    setNamed(offered);
    const parts = offered.filter((one) => (one === part ? wanted : chosen.includes(one)));
    onChange({ parts: parts.length && parts.length < offered.length ? parts : null });
  };
  return html`<details class="options">
    <summary>Options</summary>
    <${Field}
      label="Thoroughness of the verdict"
      hint=${plan.pytorch
        ? "Best also fine-tunes the network, and keeps that only where it does better. It takes many times as long."
        : "Best fine-tunes the network as well, and needs PyTorch on the server: pip install 'walkaround[train]'."}
    >
      ${(attributes) => html`<div ...${attributes}>
        <${Choice} label="Thoroughness" value=${quality} options=${[["fast", "Fast"], ["best", "Best"]]} onChange=${(value) => onChange({ quality: value })} />
      </div>`}
    </${Field}>
    <${TextField}
      label="Minutes it may take"
      hint=${plan.minutes ? `Empty: ${plan.minutes} minutes, as the server is set up.` : "Empty: as long as it needs."}
      type="number"
      min="0.1"
      step="any"
      value=${options.minutes}
      problem=${problem}
      onInput=${(minutes) => onChange({ minutes })}
    />
    ${offered.length > 1 &&
    html`<fieldset class="parts">
      <legend>What it learns</legend>
      ${offered.map((part) => html`<${CheckField} key=${part} label=${partWords(part).join(": ")} checked=${chosen.includes(part)} onChange=${(wanted) => choose(part, wanted)} />`)}
    </fieldset>`}
    <${TextField} label="Description" hint="For you, such as what changed." maxlength="500" value=${options.description} onInput=${(description) => onChange({ description })} />
  </details>`;
}
