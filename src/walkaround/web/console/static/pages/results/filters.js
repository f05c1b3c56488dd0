/** The filters of the results: what most people need first, the others behind a button. All of it stands in the address. */

import { html, useEffect, useState } from "../../vendor/preact.js";
import { get } from "../../api.js";
import { kindName } from "../../formats.js";
import { setQuery } from "../../router.js";
import { Button } from "../../ui/button.js";
import { useData } from "../../ui/data.js";
import { Choice, SelectField, TextField } from "../../ui/field.js";
import { FILTERS, REVIEWED, SURENESS, TIMES, VERDICTS } from "./wanted.js";

const PAUSE_MS = 400;
const HIDDEN = ["label", "model", "sure", "watch", "reviewed"];

/**
 * @param {{filters: Record<string, string>, project?: string, labels: string[]}} properties `filters`: as they stand in the address;
 *   `project`: where the view is of one; `labels`: that were seen, to choose from.
 */
export function Filters({ filters, project, labels }) {
  const [open, setOpen] = useState(HIDDEN.some((name) => filters[name]));
  const set = (name) => (value) => setQuery({ [name]: value });
  const used = FILTERS.filter((name) => filters[name] && !(name === "project" && project)).length;
  return html`<form class="filters" role="search" aria-label="Results" onSubmit=${(event) => event.preventDefault()}>
    <div class="filter-row">
      <${Choice} label="What the model said" value=${filters.verdict ?? ""} options=${VERDICTS} onChange=${set("verdict")} />
      <${SelectField} label="Looked at" value=${filters.time ?? ""} options=${TIMES} onChange=${set("time")} />
      ${
        filters.time === "own" &&
        html`<${TextField} label="From" type="date" value=${filters.from ?? ""} onInput=${set("from")} />
          <${TextField} label="To" type="date" value=${filters.to ?? ""} onInput=${set("to")} />`
      }
      <${Written} label="Name begins with" value=${filters.begins ?? ""} onChange=${set("begins")} placeholder="s3://photos/front/" />
      ${!project && html`<${Projects} value=${filters.project ?? ""} onChange=${set("project")} />`}
      <${Button} aria-expanded=${open} icon="down" onPress=${() => setOpen(!open)}>More filters</${Button}>
      ${used > 0 && html`<${Button} kind="quiet" icon="close" onPress=${() => setQuery(Object.fromEntries(FILTERS.map((name) => [name, null])))}>Clear</${Button}>`}
    </div>
    ${open && html`<${More} filters=${filters} labels=${labels} set=${set} />`}
  </form>`;
}

function More({ filters, labels, set }) {
  const watches = useData((signal) => get("/watches", {}, { signal }), []);
  const names = [...new Set([...(watches.value?.watches ?? []).map((one) => one.spec.name), ...(filters.watch ? [filters.watch] : [])])];
  const types = labels.filter((one) => kindName(one) !== "whole" && kindName(one) !== "damaged"); // those are no types: the verdict is a filter of its own
  const all = [...new Set([...types, ...(filters.label ? [filters.label] : [])])].sort();
  return html`<div class="filter-row">
    <${SelectField} label="Type of damage" value=${filters.label ?? ""} options=${[["", "Any"], ...all.map((one) => [one, kindName(one)])]} onChange=${set("label")} />
    <${SelectField} label="Confidence" value=${filters.sure ?? ""} options=${SURENESS} onChange=${set("sure")} />
    <${SelectField} label="A person said" value=${filters.reviewed ?? ""} options=${REVIEWED} onChange=${set("reviewed")} />
    <${Written} label="Model version" value=${filters.model ?? ""} onChange=${set("model")} inputmode="numeric" pattern="[1-9][0-9]*" />
    <${SelectField} label="Came by the watch" value=${filters.watch ?? ""} options=${[["", "Any, or sent"], ...names.map((one) => [one, one])]} onChange=${set("watch")} />
  </div>`;
}

function Projects({ value, onChange }) {
  const projects = useData((signal) => get("/projects", { limit: 100 }, { signal }), []);
  const names = [...new Set([...(projects.value?.projects ?? []).map((one) => one.name), ...(value ? [value] : [])])];
  return html`<${SelectField} label="Project" value=${value} options=${[["", "All projects"], ...names.map((name) => [name, name])]} onChange=${onChange} />`;
}

/** A line of text that counts when its writer pauses. */
function Written({ label, value, onChange, ...others }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onChange(text.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<${TextField} label=${label} value=${text} onInput=${setText} ...${others} />`;
}
