/** What is really on a picture: whole or damaged, the kinds of damage, and their places, said and drawn as on the page Label. */

import { html, signal, useEffect, useState } from "../../vendor/preact.js";
import { at, get } from "../../api.js";
import { Button } from "../../ui/button.js";
import { colourOf } from "../../ui/colours.js";
import { Loaded, useData } from "../../ui/data.js";
import { Dialog } from "../../ui/dialog.js";
import { KeysHelp } from "../../ui/keys.js";
import { makeDesk } from "../label/desk.js";
import { documentOf, requestOf } from "../label/document.js";
import { begun, canUndo, done } from "../label/history.js";
import { ALONE_KEYS, deskKeys, useLabelKeys } from "../label/keys.js";
import { PlacesPanel } from "../label/places_panel.js";
import { Stage } from "../label/stage.js";
import { Toolbar } from "../label/toolbar.js";
import { VerdictPanel } from "../label/verdict_panel.js";

const VERDICT_KEYS = {
  title: "The picture",
  keys: [
    [["N"], "whole"],
    [["A"], "damaged"],
    [["Enter"], "close an outline; on a button, press it"],
    [["Esc"], "let go of what is chosen; close the window where nothing is"],
    [["?"], "this window"],
  ],
};

/**
 * The window. Where the model found areas, it begins with them, so that a brush and an eraser can correct them.
 * @param {{project: string, trial: string, picture: any, onClose: () => void, onSay: (said: {label: string, kinds: string[], places: any[]|null}) => void}} properties
 */
export function Correct({ project, trial, picture, onClose, onSay }) {
  const areas = !picture.places && saidOf(picture) === "anomaly" && Object.keys(picture.findings.areas ?? {}).length > 0;
  const asked = (signal) => get(at`/projects/${project}/trials/${trial}/found`, { picture: picture.picture }, { signal });
  const found = useData((signal) => (areas ? asked(signal) : Promise.resolve({ places: picture.findings.boxes ?? [] })), [picture.picture]);
  const [desks] = useState(new Set());
  const unsaved = () => [...desks].some((desk) => canUndo(desk.entry.value.history.value));
  return html`<${Dialog} title="What is really there?" wide=${true} unsaved=${unsaved} onClose=${onClose}>
    <${Loaded} of=${found}>
      ${({ places }) => html`<${Drawing} project=${project} picture=${picture} found=${places} onDesk=${(desk) => desks.add(desk)} onClose=${onClose} onSay=${onSay} />`}
    </${Loaded}>
  </${Dialog}>`;
}

function Drawing({ project, picture, found, onDesk, onClose, onSay }) {
  const [desk] = useState(() => deskOf(picture, found));
  useEffect(() => onDesk(desk), []);
  const [helping, setHelping] = useState(false);
  const classes = useData((signal) => get(at`/projects/${project}/classes`, {}, { signal }), [project]);
  useEffect(() => takeClasses(desk, classes.value?.classes ?? [], picture.findings), [classes.value]);
  const { label, kinds } = desk.document.value;
  const damaged = label === "anomaly";
  const say = () => {
    const { places } = requestOf(desk.document.value, desk.entry.value.drawn);
    onSay({ label, kinds: damaged ? kinds : [], places: damaged ? places : null });
  };
  useLabelKeys(keysOf(desk, { onHelp: () => setHelping(true) }), { windows: 1 });
  return html`<div class="correct">
      <div class="correct-drawing">
        <${Toolbar} desk=${desk} onHelp=${() => setHelping(true)} />
        <${Stage} desk=${desk} source=${picture.image} name=${picture.name ?? "of the trial"} autofocus=${true} />
      </div>
      <div class="correct-side">
        <${VerdictPanel} desk=${desk} say=${desk.say} />
        <${PlacesPanel} desk=${desk} />
        <div class="row end">
          <${Button} onPress=${onClose}>Cancel</${Button}>
          <${Button} kind="main" disabled=${label === null} onPress=${say}>Save</${Button}>
        </div>
      </div>
    </div>
    ${helping && html`<${KeysHelp} groups=${[VERDICT_KEYS, ...ALONE_KEYS]} onClose=${() => setHelping(false)} />`}`;
}

/** A desk on which a picture lies with what was said of it, else with what the model found. Nothing is kept before it is saved. */
function deskOf(told, found) {
  const { picture, findings, kinds, places } = told;
  const change = (entry, document, options) => {
    entry.history.value = done(entry.history.value, document, options);
  };
  const desk = makeDesk({ change, touched: () => {} });
  const label = saidOf(told);
  const drawn = places ?? (label === "anomaly" ? found : []);
  const document = documentOf({ label, kinds: label === "anomaly" ? (kinds ?? Object.keys(findings.kinds ?? {})) : [], places: drawn });
  desk.open({ picture, history: signal(begun(document)), drawn: document.places.length > 0 }); // to take all away is not the same as not to draw
  return desk;
}

/** What a person said of a picture, else the model. */
const saidOf = ({ verified, findings }) => verified ?? (findings.anomalous ? "anomaly" : "normal");

/** The classes of the project, then those that the model knows and that the picture has, which have no key. */
function takeClasses(desk, own, findings) {
  const { kinds, places } = desk.document.value;
  const known = findings.kinds ? Object.keys(findings.probabilities).filter((name) => !["normal", "anomaly"].includes(name)) : [];
  const found = [...(findings.boxes ?? []), ...places].map((one) => one.label);
  const more = [...new Set([...known, ...found, ...Object.keys(findings.areas ?? {}), ...kinds])].filter((name) => !own.some((one) => one.name === name));
  desk.classes.value = [...own, ...more.map((name) => ({ name, colour: colourOf(name), hotkey: null }))];
  desk.kind.value ??= desk.classes.value[0]?.name ?? null;
}

function keysOf(desk, { onHelp }) {
  const { Escape: letGo, c: _copy, ...keys } = deskKeys(desk);
  const held = desk.ring.value.length > 0 || desk.chosen.value !== null || desk.tool.value !== "select";
  return {
    n: () => desk.say("normal"),
    a: () => desk.say("anomaly"),
    "?": onHelp,
    ...keys,
    Enter: desk.closeRing,
    ...(held ? { Escape: letGo } : {}),
  };
}
