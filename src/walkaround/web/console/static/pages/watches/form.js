/** The form that makes a watch or changes one. */

import { html, useState } from "../../vendor/preact.js";
import { at, get, send } from "../../api.js";
import { Button, IconButton } from "../../ui/button.js";
import { useData } from "../../ui/data.js";
import { Dialog } from "../../ui/dialog.js";
import { CheckField, Choice, SelectField, TextField } from "../../ui/field.js";
import { say } from "../../ui/toast.js";
import { EMPTY, emptySink, formOf, problemsOf, SOURCES, specOf } from "./spec.js";

const HINTS = {
  bucket: "What is put below this address is looked at, once. Such as s3://photos/incoming/",
  sqs: "Its name. Whoever runs the server allows queues by the setting sqs_queues.",
};

/** @param {{watch?: any, onClose: () => void, onDone: () => unknown}} properties `watch`: that is changed; a new one without it. */
export function WatchForm({ watch, onClose, onDone }) {
  const [form, setForm] = useState(watch ? formOf(watch.spec) : EMPTY);
  const [first] = useState(() => JSON.stringify(form));
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState(null);
  const models = useModels();
  const set = (name) => (value) => setForm((former) => ({ ...former, [name]: value }));
  const problems = tried ? problemsOf(form) : {};
  const save = async () => {
    setTried(true);
    setRefused(null);
    if (Object.keys(problemsOf(form)).length) return;
    const spec = specOf(form, watch?.spec);
    try {
      await send("PUT", at`/watches/${spec.name}`, spec);
    } catch (problem) {
      setRefused(problem.message);
      return;
    }
    say(`The watch “${spec.name}” ${watch ? "is changed" : "is there"}.`);
    onClose();
    await onDone();
  };
  return html`<${Dialog} title=${watch ? `Change the watch “${watch.spec.name}”` : "A new watch"} wide=${true} unsaved=${() => JSON.stringify(form) !== first} onClose=${onClose}>
    <form onSubmit=${(event) => event.preventDefault()}>
      <${TextField} label="Name" value=${form.name} onInput=${set("name")} autofocus=${!watch} problem=${problems.name} disabled=${Boolean(watch)} />
      <${SelectField} label="What is watched" value=${form.source} options=${SOURCES} onChange=${set("source")} />
      ${
        form.source === "events"
          ? html`<p class="small muted">Send events to <code>POST /api/v1/events?watch=${form.name || "NAME"}</code> with an access key of the role detect.</p>`
          : html`<${TextField} label=${form.source === "bucket" ? "Address" : "Queue"} value=${form.address} onInput=${set("address")} hint=${HINTS[form.source]} problem=${problems.address} />`
      }
      <${Rules} rules=${form.rules} models=${models} onChange=${set("rules")} problem=${problems.rules} />
      <${Sinks} sinks=${form.sinks} onChange=${set("sinks")} problem=${problems.sinks} />
      <details>
        <summary>More</summary>
        <${Frames} form=${form} set=${set} />
        <${TextField} label="Keep results for … days" type="number" min="1" value=${form.keepDays} onInput=${set("keepDays")} hint="Empty: as the server's settings say." />
        ${form.source === "bucket" && html`<${TextField} label="Look every … seconds" type="number" min="0.2" step="0.1" value=${form.pollSeconds} onInput=${set("pollSeconds")} />`}
        <div class="field">
          <label for="watch-exclude">Pass over what begins with</label>
          <textarea id="watch-exclude" class="input" rows="2" value=${form.exclude} onInput=${(event) => set("exclude")(event.currentTarget.value)}></textarea>
          <p class="hint">One beginning a line, such as incoming/thumbnails/</p>
        </div>
      </details>
      ${refused && html`<p class="problem" role="alert">${refused}</p>`}
      <div class="row end"><${Button} onPress=${onClose}>Cancel</${Button}><${Button} kind="main" type="submit" onPress=${save}>${watch ? "Save" : "Make the watch"}</${Button}></div>
    </form>
  </${Dialog}>`;
}

function Rules({ rules, models, onChange, problem }) {
  const set = (index, name) => (value) => onChange(rules.map((rule, place) => (place === index ? { ...rule, [name]: value } : rule)));
  return html`<fieldset class="parts">
    <legend>Which model looks</legend>
    ${rules.map(
      (rule, index) => html`<div key=${index} class="part">
        <${SelectField} label="Model" value=${rule.model} options=${choices(models, rule.model)} onChange=${set(index, "model")} />
        <${TextField} label="At keys that begin with" value=${rule.prefix} onInput=${set(index, "prefix")} placeholder="all" />
        ${rules.length > 1 && html`<${IconButton} icon="trash" label="Take this rule away" onPress=${() => onChange(rules.filter((_, place) => place !== index))} />`}
      </div>`,
    )}
    ${problem && html`<p class="problem">${problem}</p>`}
    <${Button} kind="quiet" icon="plus" onPress=${() => onChange([...rules, { prefix: "", model: "" }])}>Another rule</${Button}>
  </fieldset>`;
}

function Sinks({ sinks, onChange, problem }) {
  const set = (index, name) => (value) => onChange(sinks.map((sink, place) => (place === index ? { ...sink, [name]: value } : sink)));
  const add = (kind) => () => onChange([...sinks, emptySink(kind)]);
  return html`<fieldset class="parts">
    <legend>Where results go, besides the console</legend>
    ${sinks.map(
      (sink, index) => html`<div key=${index} class="part">
        <${Sink} sink=${sink} set=${(name) => set(index, name)} />
        <${IconButton} icon="trash" label="Take this away" onPress=${() => onChange(sinks.filter((_, place) => place !== index))} />
      </div>`,
    )}
    ${problem && html`<p class="problem">${problem}</p>`}
    <div class="row">
      <${Button} kind="quiet" icon="plus" onPress=${add("bucket")}>JSON in a bucket</${Button}>
      <${Button} kind="quiet" icon="plus" onPress=${add("webhook")}>Requests to a URL</${Button}>
      <${Button} kind="quiet" icon="plus" onPress=${add("dynamodb")}>Items in DynamoDB</${Button}>
    </div>
  </fieldset>`;
}

function Sink({ sink, set }) {
  if (sink.kind === "webhook") return html`<${TextField} label="URL" type="url" value=${sink.url} onInput=${set("url")} hint="Hosts are allowed by the setting webhook_hosts." />`;
  if (sink.kind === "dynamodb") return html`<${TextField} label="Table" value=${sink.table} onInput=${set("table")} hint="Tables are allowed by the setting dynamodb_tables." />`;
  return html`<${TextField} label="Bucket" value=${sink.bucket} onInput=${set("bucket")} />
    <${TextField} label="Keys begin with" value=${sink.prefix} onInput=${set("prefix")} />
    <${CheckField} label="Drawings of damage too" checked=${sink.drawn} onChange=${set("drawn")} />`;
}

function Frames({ form, set }) {
  const options = [["chosen", "Sharp, distinct frames"], ["captured", "Every so many seconds"]];
  return html`<div class="field"><span>Of videos</span><${Choice} label="Which frames of videos" value=${form.frames} options=${options} onChange=${set("frames")} /></div>
    <div class="part">
      <${TextField} label="At most … frames" type="number" min="1" value=${form.atMost} onInput=${set("atMost")} />
      ${
        form.frames === "captured" &&
        html`<${TextField} label="Every … seconds" type="number" min="0.1" step="0.1" value=${form.every} onInput=${set("every")} />
          <${TextField} label="Frames as JPEG to the bucket" value=${form.capturedBucket} onInput=${set("capturedBucket")} placeholder="nowhere" />`
      }
    </div>`;
}

/** All models that can be named, as PROJECT/VERSION and PROJECT/latest. */
function useModels() {
  const found = useData(async (signal) => {
    const { projects } = await get("/projects", { limit: 100 }, { signal });
    const lists = await Promise.all(projects.map(({ name }) => get(at`/projects/${name}/models`, { limit: 100 }, { signal })));
    return projects.flatMap(({ name }, index) => {
      const versions = lists[index].models.filter((one) => !["TRAINING", "TRAINING_FAILED", "DELETING"].includes(one.status)).map((one) => one.version);
      return versions.length ? [`${name}/latest`, ...versions.reverse().map((version) => `${name}/${version}`)] : [];
    });
  }, []);
  return found.value ?? [];
}

function choices(models, chosen) {
  const all = [...new Set([...models, ...(chosen ? [chosen] : [])])];
  const named = (one) => (one.endsWith("/latest") ? `${one.slice(0, -7)}, the newest version` : one.replace("/", ", version "));
  return [["", "Choose a model"], ...all.map((one) => [one, named(one)])];
}
