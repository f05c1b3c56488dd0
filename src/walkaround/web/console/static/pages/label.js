/** Labelling: one picture after another, by keyboard, mouse or finger. What is said is kept by itself. */

import { html, signal, useEffect, useRef, useState } from "../vendor/preact.js";
import { at, get } from "../api.js";
import { ago, count } from "../formats.js";
import { Link, query, setQuery } from "../router.js";
import { may, user } from "../session.js";
import { Button } from "../ui/button.js";
import { CheckField } from "../ui/field.js";
import { KeysHelp } from "../ui/keys.js";
import { Empty, Failed, Loading, Note } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { failed, say } from "../ui/toast.js";
import { Chooser } from "./label/chooser.js";
import { ClassWindow } from "./label/class_window.js";
import { makeDesk } from "./label/desk.js";
import { DraftPanel } from "./label/draft_panel.js";
import { makeDrafts } from "./label/drafts.js";
import { deskKeys, DRAWING_KEYS, entered, useLabelKeys } from "./label/keys.js";
import { PlacesPanel } from "./label/places_panel.js";
import { makeQueue, pictureAddress } from "./label/queue.js";
import { makeRoom } from "./label/room.js";
import { asUtc, ConflictWindow, SaveState } from "./label/save_state.js";
import { makeSaver } from "./label/saver.js";
import { Stage } from "./label/stage.js";
import { Toolbar } from "./label/toolbar.js";
import { VerdictPanel } from "./label/verdict_panel.js";
import { personName } from "./trial/words.js";

export const styles = await styled(import.meta.url);

const SHOWN = [
  ["unlabelled", "Not labelled"],
  ["sent_back", "Sent back"],
  ["labelled", "Labelled"],
  ["all", "All"],
];
const ADVANCE = "walkaround.label.advance";
const PICTURE_KEYS = {
  title: "The picture",
  keys: [
    [["N"], "whole"],
    [["A"], "damaged"],
    [["U"], "take the label away"],
    [["Enter"], "accept the draft, or next picture"],
    [["→", "←"], "next, previous picture, while nothing is chosen"],
    [[".", ","], "next, previous picture, always"],
    [["G"], "ask the model for a draft"],
    [["?"], "this window"],
  ],
};
const savers = new Map(); // they go on saving when the page is left

function saverOf(project, kind) {
  const name = JSON.stringify([project, kind]);
  if (!savers.has(name)) savers.set(name, makeSaver(project, kind));
  return savers.get(name);
}

addEventListener("beforeunload", (event) => [...savers.values()].some((one) => one.open.size) && event.preventDefault());

/** The page. @param {{project: string}} properties */
export default function Label({ project }) {
  const kind = query.value.get("kind") === "test" ? "test" : "train";
  const picture = query.value.get("picture");
  const show = query.value.get("show") ?? (picture ? "all" : "unlabelled");
  return html`<${Room} key=${`${project} ${kind} ${show}`} project=${project} kind=${kind} show=${show} />`;
}

function begin(project, kind, show) {
  const saver = saverOf(project, kind);
  const desk = makeDesk({ change: (...given) => may("manage") && saver.change(...given), touched: saver.touched });
  const drafts = makeDrafts(project, kind, desk);
  const queue = makeQueue({ project, kind, show, open: saver.open });
  const opened = (picture) => {
    drafts.opened().catch(failed);
    if (show === "unlabelled") drafts.prefetch(queue.upcoming());
    setQuery({ picture, show });
  };
  const room = makeRoom({ desk, queue, onLeave: (entry) => saver.push(entry), onOpen: opened });
  return { saver, desk, drafts, room, classes: signal(null) };
}

function Room({ project, kind, show }) {
  const [{ saver, desk, drafts, room, classes }] = useState(() => begin(project, kind, show));
  const [open, setOpen] = useState(null); // a window
  const [bare, setBare] = useState(false);
  const [advance, setAdvance] = useState(localStorage.getItem(ADVANCE) !== "no");
  const judged = useRef(null); // the entry that was left last, with a verdict
  const entry = desk.entry.value;
  const mayLabel = may("manage");

  useEffect(() => {
    document.title = `Label · ${project} · walkaround`;
    get(at`/projects/${project}/classes`).then((told) => takeClasses(desk, classes, told), failed);
    drafts.begin().then(drafts.opened, failed);
    room.start(query.value.get("picture"));
    return () => saver.pushAll();
  }, []);

  useComingBack(() => drafts.comeBack().catch(() => {})); // what is shown stays, where the server is away
  const quiet = saver.waiting.value === 0;
  useEffect(() => {
    if (quiet && room.phase.value !== "loading") {
      room.recount();
      drafts.recount();
    }
  }, [quiet]);

  const judge = (label) => {
    if (!entry) return;
    const drawn = desk.document.value.places.length;
    if (label === "normal" && drawn) say("What was drawn is taken away: the car is whole.", { action: { name: "Undo", act: desk.undo } });
    desk.say(label);
    if (!advance || (label === "normal" && drawn)) return;
    judged.current = entry;
    room.go("next");
  };
  /** Take the last step back; where nothing was done here yet, the verdict on the picture before, which was left with it. */
  const takeBack = async () => {
    const { current: left } = judged;
    if (desk.canUndo.value || !left) return desk.undo();
    judged.current = null;
    await room.jump(left.picture);
    return desk.entry.value === left && desk.undo();
  };
  useLabelKeys({
    "?": () => setOpen("keys"),
    h: () => setBare(!bare),
    ".": () => room.go("next"),
    ",": () => room.go("previous"),
    PageDown: () => room.go("next"),
    PageUp: () => room.go("previous"),
    ArrowRight: () => room.go("next"),
    ArrowLeft: () => room.go("previous"),
    Enter: () => (mayLabel && entered(desk)) || room.go("next"),
    ...(mayLabel && entry ? { n: () => judge("normal"), a: () => judge("anomaly"), u: () => desk.say(null), g: drafts.ask, ...deskKeys(desk) } : {}),
    ...(mayLabel ? { "Ctrl+z": takeBack } : {}),
  });

  const settle = (mine) => {
    setOpen(null);
    saver.settle(entry, mine);
  };
  return html`<div class="labelling">
    <header class="label-head">
      <h1 tabindex="-1">Label</h1>
      <${Chooser} kind=${kind} show=${show} states=${SHOWN} />
      <${Progress} counts=${room.counts.value} />
      <span class="gap"></span>
      <${SaveState} entry=${entry} saver=${saver} onOpen=${room.jump} onConflict=${() => setOpen("conflict")} />
    </header>
    ${room.phase.value === "working"
      ? html`<${Toolbar} desk=${desk} onHelp=${() => setOpen("keys")} locked=${!mayLabel} />
          <${Stage} desk=${desk} source=${entry && pictureAddress(project, kind, entry.picture)} name=${nameOf(entry)} names=${!bare} masks=${!bare} locked=${!mayLabel} />
          <aside class="label-side" aria-label="Labels">
            ${!mayLabel && html`<${Note}>You may look at the labels; to change them your role has to be “manage”.</${Note}>`}
            <${LabelledBy} entry=${entry} />
            <${Returned} entry=${entry} saver=${saver} mayAnswer=${mayLabel} />
            <${VerdictPanel} desk=${desk} say=${judge} locked=${!mayLabel} onEdit=${mayLabel && classes.value ? () => setOpen("classes") : undefined} />
            <${DraftPanel} desk=${desk} drafts=${drafts} />
            <${PlacesPanel} desk=${desk} locked=${!mayLabel} />
            ${mayLabel && html`<${Advance} wanted=${advance} onChange=${setAdvance} />`}
            <section class="part going" aria-label="Other pictures">
              <p class="small muted file">${nameOf(entry)}</p>
              <div class="row">
                <${Button} icon="left" onPress=${() => room.go("previous")}>Previous</${Button}>
                <${Button} kind="main" onPress=${() => room.go("next")}>Next<kbd aria-hidden="true">→</kbd></${Button}>
              </div>
            </section>
          </aside>`
      : html`<div class="label-none"><${Elsewhere} room=${room} project=${project} kind=${kind} show=${show} /></div>`}
    ${open === "keys" && html`<${KeysHelp} groups=${[PICTURE_KEYS, ...DRAWING_KEYS]} onClose=${() => setOpen(null)} />`}
    ${open === "conflict" && html`<${ConflictWindow} entry=${entry} desk=${desk} source=${pictureAddress(project, kind, entry.picture, 1024)} onKeep=${settle} onClose=${() => setOpen(null)} />`}
    ${open === "classes" &&
    html`<${ClassWindow} project=${project} told=${classes.value} onSaved=${(told) => (takeClasses(desk, classes, told), setOpen(null))} onClose=${() => setOpen(null)} />`}
  </div>`;
}

/** Do something when the reader comes back to this page from another tab or program. */
function useComingBack(act) {
  useEffect(() => {
    let busy = false; // a tab that is chosen tells it twice
    const back = async () => {
      if (busy || document.visibilityState !== "visible") return;
      busy = true;
      await act();
      busy = false;
    };
    addEventListener("focus", back);
    document.addEventListener("visibilitychange", back);
    return () => {
      removeEventListener("focus", back);
      document.removeEventListener("visibilitychange", back);
    };
  }, []);
}

function Advance({ wanted, onChange }) {
  const change = (on) => {
    localStorage.setItem(ADVANCE, on ? "yes" : "no");
    onChange(on);
  };
  return html`<${CheckField} label=${html`<span class="small">Go on to the next picture after Whole or Damaged</span>`} checked=${wanted} onChange=${change} />`;
}

function Elsewhere({ room, project, kind, show }) {
  const { value: phase } = room.phase;
  if (phase === "loading") return html`<${Loading} text="Opening the pictures …" />`;
  if ((phase === "failed" && room.problem.value.status === 404) || (phase === "end" && isEmpty(room.counts.value))) {
    return html`<${Empty} title="No pictures yet">
      <p>Add pictures first; then they are labelled here.</p>
      <${Link} class="button main" to=${`${at`/projects/${project}/dataset`}?kind=${kind}`}>Add pictures</${Link}>
    </${Empty}>`;
  }
  if (phase === "failed") return html`<${Failed} problem=${room.problem.value} onRetry=${() => room.start(null)} />`;
  const left = show === "unlabelled" ? "Every picture is labelled" : "No more pictures here";
  return html`<${Empty} icon="whole" title=${left}>
    <p>${show === "unlabelled" ? "Look through all of them, have somebody review them, or train." : "You have come to the end of this list."}</p>
    <div class="row centred">
      <${Button} onPress=${() => room.go("previous")}>Back to the last picture</${Button}>
      ${show !== "all" && html`<${Button} onPress=${() => setQuery({ show: "all", picture: null })}>Show all</${Button}>`}
      <${Link} class="button main" to=${at`/projects/${project}/train`}>Train</${Link}>
    </div>
  </${Empty}>`;
}

const isEmpty = (counts) => counts !== null && Object.values(counts).every((one) => one === 0);

function Progress({ counts }) {
  if (!counts) return null;
  const all = Object.values(counts).reduce((sum, one) => sum + one, 0);
  const labelled = all - counts.unlabelled;
  return html`<span class="label-progress"><progress max=${all || 1} value=${labelled} aria-label="Labelled pictures"></progress> <span class="small">${count(labelled)} of ${count(all)} labelled</span></span>`;
}

/** Who labelled the picture, where that was somebody else. */
function LabelledBy({ entry }) {
  if (!entry?.state.value || !entry.told.label || !user.value) return null;
  const { labelled_by: by, labelled } = entry.told;
  if (!by || by === `user:${user.value}`) return null;
  return html`<p class="small muted">Labelled by <strong>${personName(by)}</strong>${labelled ? ` ${ago(asUtc(labelled))}` : ""}.</p>`;
}

/** What a reviewer wrote who sent the picture back. */
function Returned({ entry, saver, mayAnswer }) {
  const review = entry?.state.value && entry.told.review;
  if (!review || review.verdict !== "sent_back" || review.answered) return null;
  return html`<${Note} kind="warning">
    <p><strong>Sent back</strong>${review.by ? ` by ${review.by.replace(/^user:/, "")}` : ""}: ${review.note}</p>
    ${mayAnswer && html`<${Button} onPress=${() => saver.push(entry, { answer: true })}>It is right as it is</${Button}>`}
  </${Note}>`;
}

function takeClasses(desk, classes, told) {
  classes.value = told;
  desk.classes.value = told.classes;
  if (!told.classes.some((one) => one.name === desk.kind.value)) desk.kind.value = told.classes[0].name;
}

const nameOf = (entry) => entry?.told.name ?? entry?.picture.split("/").at(-1) ?? "";
