/** Whether what is said of the pictures is on the server, always in sight; and the window of a conflict. */

import { html } from "../../vendor/preact.js";
import { ago, kindName, labelName } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { Picture } from "../../ui/picture.js";
import { wordsOf } from "./document.js";

const WORDS = {
  saved: ["Saved", "good"],
  changed: ["Not saved yet", "plain"],
  saving: ["Saving …", "plain"],
  trying: ["The server does not answer; trying again …", "warning"],
  waiting: ["The dataset is being changed; saving soon …", "warning"],
  conflict: ["Somebody else labelled this picture", "failed"],
  refused: ["Not saved", "failed"],
};

/**
 * @param {{entry: object, saver: object, onOpen: (picture: string) => void, onConflict: () => void}} properties `onOpen`: shows another picture that is not saved.
 */
export function SaveState({ entry, saver, onOpen, onConflict }) {
  if (!entry && !saver.waiting.value) return null; // nothing is shown that could be saved
  const { name, problem } = entry?.state.value ?? { name: "saved" };
  const [text, kind] = WORDS[name];
  const others = saver.waiting.value ? [...saver.open].filter((one) => one !== entry && ["conflict", "refused"].includes(one.state.value.name)) : [];
  return html`<div class="save-state">
    <span class="badge ${kind}" role="status" data-state=${name}>${text}</span>
    ${name === "conflict" && html`<${Button} kind="danger" onPress=${onConflict}>Decide</${Button}>`}
    ${name === "refused" && html`<span class="problem small">${problem.message}</span>`}
    ${others.length > 0 && html`<${Button} kind="danger" onPress=${() => onOpen(others[0].picture)}>${others.length} other not saved</${Button}>`}
  </div>`;
}

/**
 * Both, beside each other: what is said here, and what somebody else said meanwhile.
 * @param {{entry: object, desk: object, source: string, onKeep: (mine: boolean) => void, onClose: () => void}} properties
 */
export function ConflictWindow({ entry, desk, source, onKeep, onClose }) {
  const theirs = entry.state.value.current;
  if (!theirs) return null;
  const who = theirs.labelled_by ? theirs.labelled_by.replace(/^user:/, "") : "somebody";
  return html`<${Dialog} title="Two people labelled this picture" wide=${true} onClose=${onClose}>
    <p>Nothing is lost: choose which shall stay. What you do not keep can be had back with Undo.</p>
    <div class="both">
      <${Side} title="Yours" said=${entry.history.value.present} desk=${desk} source=${source}>
        <${Button} kind="main" onPress=${() => onKeep(true)}>Keep mine</${Button}>
      </${Side}>
      <${Side} title=${`Of ${who}, ${ago(asUtc(theirs.labelled))}`} said=${theirs} desk=${desk} source=${source}>
        <${Button} onPress=${() => onKeep(false)}>Take theirs</${Button}>
      </${Side}>
    </div>
  </${Dialog}>`;
}

function Side({ title, said, desk, source, children }) {
  const { value: size } = desk.size;
  const boxes = said.places.filter((one) => one.box).map((one) => ({ label: one.label, box: one.box, colour: desk.colourOf(one.label) }));
  const outlines = said.places.filter((one) => one.polygons).map((one) => ({ label: one.label, rings: one.polygons, colour: desk.colourOf(one.label) }));
  return html`<section aria-label=${title}>
    <h3>${title}</h3>
    ${size && html`<${Picture} source=${source} name="the picture" width=${size.width} height=${size.height} boxes=${boxes} outlines=${outlines} />`}
    <p><strong>${labelName(said.label)}</strong>${said.kinds.length ? `: ${said.kinds.map(kindName).join(", ")}` : ""}</p>
    <ul>
      ${said.places.map((one, index) => html`<li key=${index}>${kindName(one.label)}, ${wordsOf(one)}</li>`)}
    </ul>
    ${children}
  </section>`;
}

/** A time of a manifest, which says nothing of its zone and means UTC. */
export const asUtc = (time) => (time && !/[Zz]|[+-]\d\d:?\d\d$/.test(time) ? `${time}Z` : time);
