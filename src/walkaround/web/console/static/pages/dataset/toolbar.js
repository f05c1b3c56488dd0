/** What is shown of a dataset: filters with their numbers, order and size; and what can be done with the chosen pictures. */

import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { count, plural } from "../../formats.js";
import { setQuery } from "../../router.js";
import { Button, IconButton } from "../../ui/button.js";
import { Choice } from "../../ui/field.js";
import { ORDERS, problemName, STATES } from "./filters.js";

const PAUSE_MS = 250;
const LABELS = [
  [null, "All", "all"],
  ["anomaly", "Damaged", "anomaly"],
  ["normal", "Whole", "normal"],
  ["none", "Not labelled", "none"],
];

/** @param {{filters: object, counts: object, size: string, onSize: (size: string) => void, checked: string|null}} properties */
export function Filters({ filters, counts, size, onSize, checked }) {
  const flags = Object.entries(counts.flags).sort(([, one], [, other]) => other - one);
  return html`<div class="filters" role="search" aria-label="Filter the pictures">
    <div class="row">
      ${LABELS.map(
        ([label, name, key]) => html`<button key=${name} type="button" class="chip" aria-pressed=${filters.label === label} onClick=${() => setQuery({ label })}>
          ${name} <span class="muted">${count(counts[key])}</span>
        </button>`,
      )}
    </div>
    <div class="row">
      <select class="input" aria-label="Problems of the check" onChange=${(event) => setQuery({ flag: event.currentTarget.value })}>
        <option value="" selected=${!filters.flag}>${checked ? "Flagged or not" : "Not checked yet"}</option>
        ${checked && html`<option value="any" selected=${filters.flag === "any"}>Any problem (${count(counts.flagged)})</option>`}
        ${flags.map(([kind, number]) => html`<option key=${kind} value=${kind} selected=${filters.flag === kind}>${problemName(kind)} (${count(number)})</option>`)}
        ${filters.flag && filters.flag !== "any" && !(filters.flag in counts.flags) && html`<option value=${filters.flag} selected>${problemName(filters.flag)} (0)</option>`}
      </select>
      <select class="input" aria-label="Drawn and reviewed" onChange=${(event) => setQuery(ofState(event.currentTarget.value))}>
        <option value="">Drawn on or not</option>
        <option value="drawn:true" selected=${filters.drawn === "true"}>With boxes or masks</option>
        <option value="drawn:false" selected=${filters.drawn === "false"}>Without boxes or masks</option>
        ${Object.entries(STATES).map(([state, name]) => html`<option key=${state} value=${state} selected=${filters.state === state}>${name}</option>`)}
      </select>
      <${Search} text=${filters.contains} />
      <select class="input" aria-label="Order" onChange=${(event) => setQuery({ order: event.currentTarget.value })}>
        ${ORDERS.filter(([order]) => order !== "check" || (filters.flag && filters.flag !== "any")).map(([order, name]) => html`<option key=${order} value=${order} selected=${filters.order === order}>${name}</option>`)}
      </select>
      <${Choice} label="Size of the pictures" value=${size} options=${[["small", "S"], ["medium", "M"], ["large", "L"]]} onChange=${onSize} />
    </div>
  </div>`;
}

function Search({ text }) {
  const [typed, setTyped] = useState(text);
  const timer = useRef(0);
  useEffect(() => setTyped(text), [text]);
  const type = (value) => {
    setTyped(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setQuery({ contains: value.trim() }), PAUSE_MS);
  };
  return html`<input class="input search" type="search" aria-label="Part of a name" placeholder="Part of a name" maxlength="200" value=${typed} onInput=${(event) => type(event.currentTarget.value)} />`;
}

function ofState(value) {
  const drawn = value.startsWith("drawn:") ? value.slice("drawn:".length) : null;
  return { drawn, state: drawn ? null : value };
}

/**
 * What can be done with the chosen pictures.
 * @param {{number: number, all: number, flag: string|null, onLabel: (label: string|null) => void, onRemove: () => unknown, onSettle: () => unknown, onAll: () => void, onNone: () => void}} properties
 */
export function Chosen({ number, all, flag, onLabel, onRemove, onSettle, onAll, onNone }) {
  return html`<div class="chosen-bar" role="toolbar" aria-label="Chosen pictures">
    <strong role="status">${plural(number, "picture")} chosen</strong>
    <${Button} onPress=${() => onLabel("anomaly")}>Damaged <kbd>A</kbd></${Button}>
    <${Button} onPress=${() => onLabel("normal")}>Whole <kbd>N</kbd></${Button}>
    <${Button} onPress=${() => onLabel(null)}>No label <kbd>U</kbd></${Button}>
    ${flag && flag !== "any" && html`<${Button} onPress=${onSettle}>Right as they are</${Button}>`}
    <${Button} kind="danger" icon="trash" onPress=${onRemove}>Take out</${Button}>
    <span class="gap"></span>
    ${number < all && html`<${Button} kind="quiet" onPress=${onAll}>Choose all ${count(all)}</${Button}>`}
    <${IconButton} icon="close" label="Choose none (Esc)" onPress=${onNone} />
  </div>`;
}
