/** Dead letters of a watch: what could not be looked at, delivered or understood, tried once more or forgotten. */

import { html, useEffect, useState } from "../../vendor/preact.js";
import { at, get, send } from "../../api.js";
import { ago, count, plural, when } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { Loaded, useData } from "../../ui/data.js";
import { confirm } from "../../ui/dialog.js";
import { Tabs } from "../../ui/tabs.js";
import { say } from "../../ui/toast.js";

const KINDS = [
  ["arrival", "Not looked at"],
  ["delivery", "Not delivered"],
  ["event", "Not understood"],
];
const ABOUT = { arrival: "Picture or video", delivery: "Result, and where to", event: "Event" };
const PAGE = 50;

/** @param {{watch: any, mayChange: boolean, onChange: () => unknown}} properties */
export function Letters({ watch, mayChange, onChange }) {
  const { name } = watch.spec;
  const first = KINDS.find(([kind]) => watch.dead[kind])?.[0] ?? "arrival";
  const [kind, setKind] = useState(first);
  const options = KINDS.map(([one, text]) => [one, `${text} (${count(watch.dead[one] ?? 0)})`]);
  return html`<${Tabs} label="Kind of dead letters" value=${kind} options=${options} onChange=${setKind}>
    <${OfKind} key=${kind} name=${name} kind=${kind} number=${watch.dead[kind] ?? 0} mayChange=${mayChange} onChange=${onChange} />
  </${Tabs}>`;
}

function OfKind({ name, kind, number, mayChange, onChange }) {
  const [before, setBefore] = useState(null);
  const [chosen, setChosen] = useState(new Set());
  const path = at`/watches/${name}/letters`;
  const page = useData((signal) => get(path, { kind, before, limit: PAGE }, { signal }), [name, kind, before, number]);
  useEffect(() => setChosen(new Set()), [before]);
  const done = async () => {
    setChosen(new Set());
    setBefore(null);
    await Promise.all([page.reload(), onChange()]);
  };
  const replay = (numbers) => async () => {
    const told = await send("POST", `${path}/replay`, { kind, numbers });
    say(`${plural(told.replayed, "letter")} tried once more.${told.left ? ` ${told.left} stay: they still cannot be understood.` : ""}`);
    await done();
  };
  const discard = (numbers, how) => async () => {
    const text = "What is forgotten is not looked at, delivered or read any more, even when it is told of again.";
    if (!(await confirm({ title: `Forget ${how}?`, text, action: "Forget" }))) return;
    const told = await send("DELETE", path, { kind, numbers });
    say(`${plural(told.discarded, "letter")} forgotten.`);
    await done();
  };
  return html`<${Loaded} of=${page}>
    ${({ letters, counts, next }) =>
      letters.length
        ? html`${
              mayChange &&
              html`<div class="row letters-actions">
                <${Button} icon="undo" disabled=${!chosen.size} onPress=${replay([...chosen])}>Try selected again</${Button}>
                <${Button} disabled=${!chosen.size} onPress=${discard([...chosen], plural(chosen.size, "letter"))}>Forget selected</${Button}>
                <${Button} onPress=${replay(null)}>Try all ${count(counts[kind])} again</${Button}>
                <${Button} onPress=${discard(null, `all ${count(counts[kind])}`)}>Forget all</${Button}>
              </div>`
            }
            <${Rows} kind=${kind} letters=${letters} chosen=${chosen} onChoose=${setChosen} selectable=${mayChange} />
            <div class="row">
              ${before !== null && html`<${Button} onPress=${() => setBefore(null)}>Newest</${Button}>`}
              ${next !== null && html`<${Button} onPress=${() => setBefore(next)}>Older ones</${Button}>`}
            </div>`
        : html`<p class="muted">There are none of this kind.</p>`}
  </${Loaded}>`;
}

function Rows({ kind, letters, chosen, onChoose, selectable }) {
  const all = letters.every((one) => chosen.has(one.number));
  const choose = (numbers, on) => {
    const next = new Set(chosen);
    for (const number of numbers) on ? next.add(number) : next.delete(number);
    onChoose(next);
  };
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${ABOUT[kind]}><table class="letters">
    <thead>
      <tr>
        ${selectable && html`<th scope="col"><input type="checkbox" aria-label="Select all that are shown" checked=${all} onChange=${(event) => choose(letters.map((one) => one.number), event.currentTarget.checked)} /></th>`}
        <th scope="col">${ABOUT[kind]}</th><th scope="col">Why</th><th scope="col" class="number">Times</th><th scope="col">Came</th>
      </tr>
    </thead>
    <tbody>
      ${letters.map(
        (one) => html`<tr key=${one.number}>
          ${selectable && html`<td><input type="checkbox" aria-label=${`Select ${one.about.slice(0, 80)}`} checked=${chosen.has(one.number)} onChange=${(event) => choose([one.number], event.currentTarget.checked)} /></td>`}
          <th scope="row"><span class="about">${one.about}</span></th>
          <td class="reason">${one.reason}</td>
          <td class="number">${one.times}<span class="letters-times"> ×</span></td>
          <td><time datetime=${one.created} title=${when(one.created)}>${ago(one.created)}</time></td>
        </tr>`,
      )}
    </tbody>
  </table></div>`;
}
