/** One picture after another: what the model says of it, and whether it is right. */

import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { kindName, labelName, when } from "../../formats.js";
import { may } from "../../session.js";
import { Button, IconButton } from "../../ui/button.js";
import { KeysHelp, useKeys } from "../../ui/keys.js";
import { Note, Verdict } from "../../ui/state.js";
import { Correct } from "./correct.js";
import { FindingsPicture, LayerChoice, useLayers } from "./findings_picture.js";
import { neighbour, nextOpen } from "./queue.js";
import { foundSentence, hintSentence, moment, personName, verdictSentence } from "./words.js";

const KEYS = [
  {
    title: "Verify",
    keys: [
      [["Y"], "The model is right"],
      [["N"], "The model is wrong"],
      [["C"], "Correct: kinds of damage, and where it is"],
      [["U", "Ctrl Z"], "Take the last verdict back"],
    ],
  },
  {
    title: "Look",
    keys: [
      [["→", "←"], "Next and previous picture"],
      [["H"], "Show or hide where the model looked"],
      [["B"], "Show or hide boxes"],
      [["G"], "All pictures"],
    ],
  },
];

/**
 * @param {{project: string, trial: string, pictures: any[], all: any[], current: string, onMove: (picture: string|null) => void, onGrid: () => void,
 *   store: ReturnType<import("./pictures.js").usePictures>}} properties `pictures`: those that the filter leaves, `all`: all of the trial.
 */
export function Viewer({ project, trial, pictures, all, current, onMove, onGrid, store }) {
  const [layers, turn] = useLayers();
  const [helping, setHelping] = useState(false);
  const [correcting, setCorrecting] = useState(false);
  const one = all.find((picture) => picture.picture === current) ?? null;
  const index = pictures.findIndex((picture) => picture.picture === current);
  const allowed = may("manage");
  useNeighbours(pictures, index);

  // Keys may come quicker than the page is drawn: each is for the picture that the one before led to.
  const place = useRef(current);
  place.current = current;
  const move = (picture) => {
    if (!picture) return;
    place.current = picture;
    onMove(picture);
  };
  const judged = () => {
    const now = store.latest().find((picture) => picture.picture === place.current);
    return allowed && now?.findings && !now.added ? now : null;
  };
  const say = (now, said) => {
    store.verify(now.picture, said);
    move(nextOpen(store.latest(), now.picture));
  };
  const judge = (right) => (event) => {
    const now = event?.repeat ? null : judged(); // a key that is held down is no verdict
    if (now) say(now, { label: now.findings.anomalous === right ? "anomaly" : "normal" });
  };
  const right = judge(true);
  const wrong = judge(false);
  const mayJudge = allowed && one !== null && one.findings !== null && !one.added;
  const opposite = one?.findings?.anomalous ? "normal" : "anomaly";
  const same = one?.findings?.anomalous ? "anomaly" : "normal";
  const undo = () => move(store.undo());
  const step = (steps) => move(neighbour(pictures, place.current, steps));
  useKeys({
    y: right,
    n: wrong,
    c: () => mayJudge && setCorrecting(true),
    u: undo,
    "Ctrl+z": undo,
    h: () => turn("heat"),
    b: () => turn("boxes"),
    g: onGrid,
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    "?": () => setHelping(true),
  });
  if (!one) return null;
  return html`<div class="viewer">
    <div class="viewer-picture">
      <${FindingsPicture} picture=${one} layers=${layers} />
      <div class="viewer-below">
        <${IconButton} icon="left" label="Previous picture" onPress=${() => step(-1)} disabled=${index <= 0} />
        <span class="small muted">${index + 1} of ${pictures.length} · <span class="file-name">${one.name ?? one.picture.split("/").at(-1)}</span></span>
        <${IconButton} icon="right" label="Next picture" onPress=${() => step(1)} disabled=${index < 0 || index >= pictures.length - 1} />
      </div>
    </div>
    <div class="viewer-side">
      <${Said} picture=${one} onTakeBack=${mayJudge ? () => store.verify(current, { label: null }) : null} />
      <${ModelsVerdict} picture=${one} />
      <div class="verify">
        ${mayJudge &&
        html`<${Button} kind=${`judge wrong ${one.correct === false ? "said" : ""}`} icon="close" onPress=${wrong} aria-pressed=${one.correct === false}>
            <span>Wrong<small>it is ${labelName(opposite)}</small></span><kbd>N</kbd>
          </${Button}>
          <${Button} kind=${`judge right ${one.correct === true ? "said" : ""}`} icon="review" onPress=${right} aria-pressed=${one.correct === true}>
            <span>Right<small>it is ${labelName(same)}</small></span><kbd>Y</kbd>
          </${Button}>`}
      </div>
      <${Details} picture=${one} />
      <${LayerChoice} picture=${one} layers=${layers} turn=${turn} />
      <div class="row">
        ${mayJudge && html`<${Button} icon="label" onPress=${() => setCorrecting(true)}>Correct …</${Button}>`}
        ${allowed && html`<${Button} icon="undo" onPress=${undo} disabled=${!store.undoable}>Undo</${Button}>`}
        <span class="no-phone"><${Button} kind="quiet" onPress=${() => setHelping(true)}>Keys <kbd>?</kbd></${Button}></span>
        <span class="small muted" role="status">${store.saving ? "Saving …" : ""}</span>
      </div>
      ${!allowed && html`<${Note}><p>You may look. To verify, your role has to be “manage”.</p></${Note}>`}
    </div>
    ${helping && html`<${KeysHelp} groups=${KEYS} onClose=${() => setHelping(false)} />`}
    ${correcting && html`<${Correct} project=${project} trial=${trial} picture=${one} onClose=${() => setCorrecting(false)} onSay=${(said) => {
      setCorrecting(false);
      say(one, said);
    }} />`}
  </div>`;
}

function ModelsVerdict({ picture }) {
  const { findings } = picture;
  if (picture.error) return html`<${Note} kind="failed"><p>${picture.error}</p></${Note}>`;
  if (!findings) return html`<p class="muted" role="status">The model has not looked at it yet.</p>`;
  return html`<p class="told-verdict" aria-live="polite">
    <${Verdict} damaged=${findings.anomalous} /> <span>${verdictSentence(findings)}</span>
  </p>`;
}

function Details({ picture }) {
  if (!picture.findings) return null;
  const found = foundSentence(picture.findings);
  return html`<div class="told">
    ${found && html`<p>It found: ${found}.</p>`}
    ${picture.video && html`<p class="small muted">At ${moment(picture.time)} of ${picture.video}</p>`}
    ${(picture.quality?.hints ?? []).map((hint) => html`<${Note} key=${hint} kind="warning"><p>${hintSentence(hint)}</p></${Note}>`)}
  </div>`;
}

function Said({ picture, onTakeBack }) {
  if (picture.verified === null) return null;
  const kinds = picture.kinds?.length ? `: ${picture.kinds.map(kindName).join(", ")}` : "";
  return html`<p class="said-line small">
    <${Verdict} damaged=${picture.verified !== "normal"} text=${`${labelName(picture.verified)}${kinds}`} />
    <span>said ${personName(picture.verified_by)}, ${when(picture.verified_at)}${picture.added ? `; added to the ${picture.added_to === "test" ? "test" : "training"} pictures` : ""}</span>
    ${onTakeBack && html`<button type="button" class="text-button" onClick=${onTakeBack}>Take back</button>`}
  </p>`;
}

/** Load the pictures around the present one, so that they are there when they are wanted. */
function useNeighbours(pictures, index) {
  useEffect(() => {
    for (const near of [index + 1, index + 2, index - 1]) {
      const one = pictures[near];
      if (!one || index < 0) continue;
      new Image().src = `${one.image}&size=1024`;
      if (one.heat) new Image().src = one.heat;
    }
  }, [pictures[index]?.picture, pictures.length]);
}
