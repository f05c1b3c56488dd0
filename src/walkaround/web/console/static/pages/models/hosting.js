/** How a model is hosted at the moment, and starting and stopping it. */

import { html, useState } from "../../vendor/preact.js";
import { at, get, send } from "../../api.js";
import { count, plural } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { useData } from "../../ui/data.js";
import { confirm, Dialog } from "../../ui/dialog.js";
import { TextField } from "../../ui/field.js";
import { failed } from "../../ui/toast.js";

const LOOK_MS = 3000;

/**
 * Units that run, and what was asked of them; looked at again every few seconds.
 * @param {{project: string, version: string}} properties
 */
export function HostingNow({ project, version }) {
  const now = useData((signal) => get(at`/projects/${project}/models/${version}/hosting`, {}, { signal }), [project, version], { every: LOOK_MS });
  if (!now.value) return null;
  const { units, asked, queue_per_unit: queue } = now.value;
  return html`<dl class="hosting" aria-label="Hosting at the moment">
    ${units && html`<div><dt>Units that run</dt><dd>${unitsWords(units)}</dd></div>`}
    <div><dt>Requests</dt><dd>${count(asked.requests)}</dd></div>
    <div><dt>Damaged</dt><dd>${count(asked.damaged)} of ${count(asked.pictures)}</dd></div>
    <div title=${`${queue} pictures may wait for each unit; more are turned away, and their senders try again.`}><dt>Turned away</dt><dd>${count(asked.throttled)}</dd></div>
    <div><dt>Mean time</dt><dd>${asked.milliseconds === null ? "–" : `${Math.round(asked.milliseconds)} ms`}</dd></div>
  </dl>`;
}

/** Units as "1 of 1 to 3". */
export function unitsWords({ least, most, desired, in_service: running }) {
  const wanted = least === most ? `${most}` : `${least} to ${most}`;
  return `${running} of ${wanted}${desired !== running ? `, ${desired} wanted` : ""}`;
}

/**
 * What is wrong with units that were typed; null: nothing.
 * @param {string} least
 * @param {string} most empty: the same as least.
 * @param {number} limit of one model.
 */
export function unitsProblem(least, most, limit) {
  const low = Number(least);
  const high = most.trim() === "" ? low : Number(most);
  if (![low, high].every((one) => Number.isInteger(one) && one >= 1)) return "Whole numbers from 1 on.";
  if (high < low) return "The most must not be less than the least.";
  return high > limit ? `A model may have ${plural(limit, "unit")} here.` : null;
}

/**
 * The dialog that starts a model.
 * @param {{project: string, version: string, onClose: () => void, onStarted: () => void}} properties
 */
export function StartDialog({ project, version, onClose, onStarted }) {
  const [least, setLeast] = useState("1");
  const [most, setMost] = useState("");
  const facts = useData((signal) => get(at`/projects/${project}/models/${version}/hosting`, {}, { signal }), [project, version]);
  const limit = facts.value?.units_per_model ?? 5;
  const problem = unitsProblem(least, most, limit);
  const start = async (event) => {
    event.preventDefault();
    if (problem) return;
    try {
      await send("POST", at`/projects/${project}/models/${version}/start`, { min_units: Number(least), max_units: most.trim() ? Number(most) : null });
      onStarted();
    } catch (refusal) {
      failed(refusal);
    }
  };
  return html`<${Dialog} title=${`Start version ${version}`} onClose=${onClose}>
    <p>
      A hosted model answers pictures at once. A unit is a process of its own that holds the model and looks at one picture after the other${facts.value
        ? `, with ${plural(facts.value.threads_per_unit, "thread")} of this machine's ${facts.value.cores}`
        : ""}. One is enough for most desks; with a maximum, units follow the load.
    </p>
    <form onSubmit=${start}>
      <${TextField} label="Units, at least" type="number" min="1" max=${limit} value=${least} onInput=${setLeast} />
      <${TextField} label="Units, at most" hint="Empty: their number stays the same." type="number" min="1" max=${limit} value=${most} onInput=${setMost} problem=${problem} />
      <div class="row end">
        <${Button} onPress=${onClose}>Cancel</${Button}>
        <${Button} kind="main" icon="play" type="submit" disabled=${problem !== null}>Start</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}

/** Stop a model, once that was confirmed. Says whether it was. */
export async function stopped(project, version) {
  const text = "Pictures in work are still answered, later ones are refused until it is started again. Endpoints and watches that use it find no model meanwhile.";
  const agreed = await confirm({ title: `Stop version ${version}?`, text, action: "Stop it" });
  if (agreed) await send("POST", at`/projects/${project}/models/${version}/stop`);
  return agreed;
}
