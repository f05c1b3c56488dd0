/** What is really on a picture: whole or damaged, the kinds of damage, and their places, said and drawn as on the page Label. */

import { html, signal, useEffect, useState } from "../../vendor/preact.js";
import { at, get } from "../../api.js";
import { Button } from "../../ui/button.js";
import { colourOf } from "../../ui/colours.js";
import { useData } from "../../ui/data.js";
import { Dialog } from "../../ui/dialog.js";
import { CheckField } from "../../ui/field.js";
import { KeysHelp } from "../../ui/keys.js";
import { makeDesk } from "../label/desk.js";
import { documentOf, requestOf } from "../label/document.js";
import { begun, done } from "../label/history.js";
import { deskKeys, OUTLINE_KEYS, useLabelKeys } from "../label/keys.js";
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
 * @param {{project: string, picture: any, onClose: () => void, onSay: (said: {label: string, kinds: string[], places: any[]|null, as_found: boolean}) => void}} properties
 */
export function Correct({ project, picture, onClose, onSay }) {
  const [desk] = useState(() => deskOf(picture));
  const [asFound, setAsFound] = useState(false);
  const [helping, setHelping] = useState(false);
  const classes = useData((signal) => get(at`/projects/${project}/classes`, {}, { signal }), [project]);
  useEffect(() => takeClasses(desk, classes.value?.classes ?? [], picture.findings), [classes.value]);
  const { label, kinds } = desk.document.value;
  const damaged = label === "anomaly";
  const say = () => {
    const { places } = requestOf(desk.document.value, desk.entry.value.drawn);
    onSay({ label, kinds: damaged ? kinds : [], places: damaged && !asFound ? places : null, as_found: damaged && asFound });
  };
  const areas = Object.keys(picture.findings.areas ?? {}).length > 0;
  useLabelKeys(keysOf(desk, { drawing: !asFound, onHelp: () => setHelping(true) }), { windows: 1 });
  return html`<${Dialog} title="What is really there?" wide=${true} onClose=${onClose}>
    <div class="correct">
      <div class="correct-drawing">
        <${Toolbar} desk=${desk} paints=${false} locked=${asFound} onHelp=${() => setHelping(true)} />
        <${Stage} desk=${desk} source=${picture.image} name=${picture.name ?? "of the trial"} locked=${asFound} autofocus=${true} />
      </div>
      <div class="correct-side">
        <${VerdictPanel} desk=${desk} say=${desk.say} />
        ${damaged && areas && html`<${CheckField} label="The boxes and areas that were found are right" checked=${asFound} onChange=${setAsFound} />`}
        ${asFound && damaged ? "" : html`<${PlacesPanel} desk=${desk} paints=${false} />`}
        <div class="row end">
          <${Button} onPress=${onClose}>Cancel</${Button}>
          <${Button} kind="main" disabled=${label === null} onPress=${say}>Save</${Button}>
        </div>
      </div>
    </div>
    ${helping && html`<${KeysHelp} groups=${[VERDICT_KEYS, ...OUTLINE_KEYS]} onClose=${() => setHelping(false)} />`}
  </${Dialog}>`;
}

/** A desk on which a picture lies with what was said of it, else with what the model found. Nothing is kept before it is saved. */
function deskOf({ picture, findings, verified, kinds, places }) {
  const change = (entry, document, options) => {
    entry.history.value = done(entry.history.value, document, options);
  };
  const desk = makeDesk({ change, touched: () => {} });
  const label = verified ?? (findings.anomalous ? "anomaly" : "normal");
  const drawn = places ?? (label === "anomaly" ? findings.boxes : null) ?? [];
  const document = documentOf({ label, kinds: label === "anomaly" ? (kinds ?? Object.keys(findings.kinds ?? {})) : [], places: drawn });
  desk.open({ picture, history: signal(begun(document)), drawn: document.places.length > 0 }); // to take all away is not the same as not to draw
  return desk;
}

/** The classes of the project, then those that the model knows and that the picture has, which have no key. */
function takeClasses(desk, own, findings) {
  const { kinds, places } = desk.document.value;
  const known = findings.kinds ? Object.keys(findings.probabilities).filter((name) => !["normal", "anomaly"].includes(name)) : [];
  const found = [...(findings.boxes ?? []), ...places].map((one) => one.label);
  const more = [...new Set([...known, ...found, ...Object.keys(findings.areas ?? {}), ...kinds])].filter((name) => !own.some((one) => one.name === name));
  desk.classes.value = [...own, ...more.map((name) => ({ name, colour: colourOf(name), hotkey: null }))];
  desk.kind.value ??= desk.classes.value[0]?.name ?? null;
}

function keysOf(desk, { drawing, onHelp }) {
  const { Escape: letGo, r: _brush, e: _eraser, "[": _smaller, "]": _larger, c: _copy, ...keys } = deskKeys(desk);
  const held = desk.ring.value.length > 0 || desk.chosen.value !== null || desk.tool.value !== "select";
  return {
    n: () => desk.say("normal"),
    a: () => desk.say("anomaly"),
    "?": onHelp,
    ...(drawing ? { ...keys, Enter: desk.closeRing, ...(held ? { Escape: letGo } : {}) } : {}),
  };
}
