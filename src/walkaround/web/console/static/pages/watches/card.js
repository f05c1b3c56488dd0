/** One watch: what it does, how it is, and what can be done about it. */

import { html } from "../../vendor/preact.js";
import { at, send } from "../../api.js";
import { ago, count, plural } from "../../formats.js";
import { Link, setQuery } from "../../router.js";
import { may } from "../../session.js";
import { Button } from "../../ui/button.js";
import { confirm } from "../../ui/dialog.js";
import { Panel } from "../../ui/page.js";
import { Badge, Note } from "../../ui/state.js";
import { say } from "../../ui/toast.js";
import { Letters } from "./letters.js";
import { sinkName } from "./spec.js";

const ORIGINS = { file: "Made in the settings file, and changed there.", command: "Run by `walkaround watch`, and changed there." };

/** @param {{watch: any, open: boolean, onChange: () => unknown, onEdit: () => void}} properties `open`: its dead letters are shown. */
export function WatchCard({ watch, open, onChange, onEdit }) {
  const { spec, status, dead, sinks, waiting } = watch;
  const lost = Object.values(dead).reduce((sum, one) => sum + one, 0);
  const own = watch.origin === "rest" && may("manage");
  const pause = async () => {
    await send("PUT", at`/watches/${spec.name}`, { ...spec, paused: !spec.paused });
    say(spec.paused ? `“${spec.name}” goes on.` : `“${spec.name}” notices nothing new until it goes on.`);
    await onChange();
  };
  const remove = async () => {
    const text = "What waits to be looked at or delivered goes with it. Results stay.";
    if (!(await confirm({ title: `Delete the watch “${spec.name}”?`, text, action: "Delete" }))) return;
    await send("DELETE", at`/watches/${spec.name}`);
    say(`The watch “${spec.name}” is deleted.`);
    await onChange();
  };
  const actions = html`<${State} watch=${watch} lost=${lost} />
    ${own && html`<${Button} onPress=${pause} icon=${spec.paused ? "play" : "stop"}>${spec.paused ? "Go on" : "Pause"}</${Button}><${Button} onPress=${onEdit}>Change</${Button}><${Button} kind="quiet" icon="trash" onPress=${remove}>Delete</${Button}>`}`;
  return html`<${Panel} title=${spec.name} actions=${actions}>
    ${status && html`<${Note} kind="failed"><p>${status}</p></${Note}>`}
    ${watch.passed_over && html`<${Note}><p>${watch.passed_over}</p></${Note}>`}
    <dl class="watch-facts">
      <div><dt>Watches</dt><dd>${spec.source === "events" ? "events that are sent here" : html`<span class="source">${spec.source}</span>`}</dd></div>
      <div><dt>Looked at by</dt><dd>${spec.rules.map((rule, index) => html`<${Rule} key=${index} rule=${rule} />`)}</dd></div>
      <div><dt>Goes to</dt><dd>${spec.sinks.length ? html`<ul>${spec.sinks.map((sink, index) => html`<li key=${index} class="source">${sinkName(sink)}</li>`)}</ul>` : "the console alone"}</dd></div>
      <div><dt>Waiting</dt><dd>${waiting >= 10000 ? "more than 10,000" : count(waiting)}${watch.looked ? html`, last looked <time datetime=${watch.looked}>${ago(watch.looked)}</time>` : ""}</dd></div>
      ${ORIGINS[watch.origin] && html`<div><dt>Where from</dt><dd>${ORIGINS[watch.origin]}</dd></div>`}
    </dl>
    ${sinks.length > 0 && html`<${SinkStates} sinks=${sinks} />`}
    <div class="row">
      <${Link} class="button plain" to=${`/results?watch=${spec.name}`}>Its results</${Link}>
      <${Button} aria-expanded=${open} onPress=${() => setQuery({ watch: open ? null : spec.name })}>${lost ? plural(lost, "dead letter") : "Dead letters"}</${Button}>
    </div>
    ${open && html`<${Letters} watch=${watch} mayChange=${may("manage")} onChange=${onChange} />`}
  </${Panel}>`;
}

function State({ watch, lost }) {
  if (watch.status) return html`<${Badge} kind="failed">cannot look</${Badge}>`;
  if (lost || watch.sinks.some((one) => one.error)) return html`<${Badge} kind="warning">needs a look</${Badge}>`;
  return watch.spec.paused ? html`<${Badge}>paused</${Badge}>` : html`<${Badge} kind="good">watching</${Badge}>`;
}

function Rule({ rule }) {
  const [project, version] = rule.model.split("/");
  const to = version === "latest" ? at`/projects/${project}/models` : at`/projects/${project}/models/${version}`;
  return html`<div><${Link} to=${to}>${project}, ${version === "latest" ? "the newest version" : `version ${version}`}</${Link}>${rule.prefix ? html`, where keys begin with <code>${rule.prefix}</code>` : ""}</div>`;
}

function SinkStates({ sinks }) {
  return html`<ul class="sink-states">
    ${sinks.map(
      (one) => html`<li key=${one.sink}>
        <span class="source">${one.sink}</span>: ${plural(one.waiting, "result")} waiting${one.dead ? `, ${count(one.dead)} never got there` : ""}
        ${one.error && html`<p class="problem">${one.error} <span class="muted">Next try ${ago(one.next_try)}.</span></p>`}
      </li>`,
    )}
  </ul>`;
}
