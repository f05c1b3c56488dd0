/** What will be trained, in words: the labels decide, and here it says how. */

import { html } from "../../vendor/preact.js";
import { at } from "../../api.js";
import { count, duration, kindName, plural } from "../../formats.js";
import { Link } from "../../router.js";
import { Choice } from "../../ui/field.js";
import { Figure, Panel } from "../../ui/page.js";
import { Icon } from "../../ui/icon.js";
import { Note } from "../../ui/state.js";
import { plain } from "../check/words.js";
import { partWords } from "./words.js";

const MOST_CLASSES = 8;
const TYPES = [
  ["labels", "As the labels say"],
  ["no", "Damaged or whole"],
  ["yes", "Each type for itself"],
];

/**
 * The plan.
 * @param {{project: string, plan: any, options: any, onOptions: (options: object) => void}} properties `plan`: as the REST API tells it.
 */
export function PlanPanel({ project, plan, options, onOptions }) {
  return html`<${Panel} title="What will be trained">
    ${plan.lacks.length > 0 && html`<${Lacks} project=${project} lacks=${plan.lacks} />`}
    ${plan.learnt.length > 0 &&
    html`<p class="muted">The labels decide: nobody has to choose a kind of model.</p>
      <ul class="learnt">${plan.learnt.map((one) => html`<${Learnt} key=${one.part} one=${one} />`)}</ul>
      <${Numbers} plan=${plan} />`}
    <${DamageTypes} told=${plan.damage_types} options=${options} onOptions=${onOptions} />
    ${plan.notes.map((note) => html`<${Note} key=${note.message} kind=${note.severity === "note" ? "info" : "warning"}><p>${note.message}</p></${Note}>`)}
    ${plan.advice.length > 0 && html`<${Advice} advice=${plan.advice} />`}
  </${Panel}>`;
}

function Lacks({ project, lacks }) {
  return html`<${Note} kind="warning">
    <p><strong>It cannot be trained yet.</strong></p>
    <ul>${lacks.map((lack) => html`<li key=${lack}>${plain(lack)}</li>`)}</ul>
    <p class="row">
      <${Link} to=${at`/projects/${project}/dataset`} class="button plain">Add pictures</${Link}>
      <${Link} to=${at`/projects/${project}/label`} class="button plain">Label</${Link}>
    </p>
  </${Note}>`;
}

/** Whether each damage type is learnt for itself, and why; there is nothing to choose where no type is named. */
function DamageTypes({ told, options, onOptions }) {
  const named = Object.entries(told?.pictures ?? {});
  if (options.multi_label === null && !named.length) return null;
  const value = options.multi_label === null ? "labels" : options.multi_label ? "yes" : "no";
  const choose = (one) => onOptions({ ...options, multi_label: one === "labels" ? null : one === "yes" });
  return html`<div class="damage-types">
    <h3>Damage types</h3>
    <${Choice} label="Damage types" value=${value} options=${TYPES} onChange=${choose} />
    ${told && html`<p>${told.why}</p>`}
    ${named.length > 0 && html`<p class="small muted">Named on pictures: ${named.map(([name, number]) => `${kindName(name)} on ${count(number)}`).join(", ")}.</p>`}
  </div>`;
}

function Learnt({ one }) {
  const [name, question] = partWords(one.part);
  const rest = one.classes.length - MOST_CLASSES;
  return html`<li>
    <${Icon} name="whole" />
    <div>
      <h3>${name} <span class="muted">${question}</span></h3>
      <p>${one.why}</p>
      <p class="small muted">
        Tells ${one.classes.slice(0, MOST_CLASSES).map(kindName).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}; learns from about ${plural(one.pictures, "picture")}.
      </p>
    </div>
  </li>`;
}

function Numbers({ plan }) {
  const { learning, testing, expected } = plan;
  const split = ({ normal, anomaly }) => `${count(normal)} whole, ${count(anomaly)} damaged`;
  return html`<div class="figures">
    <${Figure} name="Learns from" value=${`≈ ${count(learning.total)}`} hint=${split(learning)} />
    <${Figure} name="Is tested on" value=${`≈ ${count(testing.total)}`} hint=${`${split(testing)}; ${plan.kept_back ? "kept back from your pictures" : "your test pictures"}`} />
    <${Figure}
      name="Will take"
      value=${expected ? `≈ ${duration(expected.seconds)}` : "–"}
      hint=${expected ? `by version ${expected.like}` : "nothing like it was trained here yet"}
    />
  </div>`;
}

function Advice({ advice }) {
  return html`<details class="advice">
    <summary>How to get a better one (${advice.length})</summary>
    <ul>${advice.map((one) => html`<li key=${one.message}>${one.message}</li>`)}</ul>
  </details>`;
}
