/** Review: a second person accepts, adjusts or sends back what one person labelled, and sees how far the two agree. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { at, get, send } from "../api.js";
import { ago, count, kindName, labelName } from "../formats.js";
import { Link, query, setQuery } from "../router.js";
import { may, user } from "../session.js";
import { Button } from "../ui/button.js";
import { TextField } from "../ui/field.js";
import { Dialog } from "../ui/dialog.js";
import { KeysHelp } from "../ui/keys.js";
import { Empty, Failed, Loading, Note } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { failed, say } from "../ui/toast.js";
import { AgreementPanel } from "./review/agreement.js";
import { Chooser } from "./label/chooser.js";
import { makeDesk } from "./label/desk.js";
import { documentOf, requestOf, sameDocument } from "./label/document.js";
import { begun, done } from "./label/history.js";
import { deskKeys, DRAWING_KEYS, entered, useLabelKeys } from "./label/keys.js";
import { PlacesPanel } from "./label/places_panel.js";
import { makeQueue, pictureAddress } from "./label/queue.js";
import { makeRoom } from "./label/room.js";
import { asUtc } from "./label/save_state.js";
import { Stage } from "./label/stage.js";
import { Toolbar } from "./label/toolbar.js";
import { VerdictPanel } from "./label/verdict_panel.js";

export const styles = await styled(new URL("label.js", import.meta.url).href, import.meta.url);

const SHOWN = [
  ["to_review", "To review"],
  ["sent_back", "Sent back"],
  ["reviewed", "Reviewed"],
  ["labelled", "All labelled"],
];
const REVIEW_KEYS = {
  title: "The review",
  keys: [
    [["Enter"], "accept; or adjust, where something was changed"],
    [["S"], "send back, with a note"],
    [["N"], "whole"],
    [["A"], "damaged"],
    [["→", "←"], "next, previous picture, while nothing is chosen"],
    [[".", ","], "next, previous picture, always"],
    [["?"], "this window"],
  ],
};

/** The page. @param {{project: string}} properties */
export default function Review({ project }) {
  const kind = query.value.get("kind") === "test" ? "test" : "train";
  const show = query.value.get("show") ?? (query.value.get("picture") ? "labelled" : "to_review");
  return html`<${Room} key=${`${project} ${kind} ${show}`} project=${project} kind=${kind} show=${show} />`;
}

function begin(project, kind, show) {
  const keeper = {
    change: (entry, document, options) => may("manage") && (entry.history.value = done(entry.history.value, document, options)),
    touched: () => {}, // nothing is kept before the review is given
  };
  const desk = makeDesk(keeper);
  // Without people who sign in, the server cannot tell who labelled.
  const queue = makeQueue({ project, kind, show, others: show === "to_review" && Boolean(user.value) });
  return { desk, room: makeRoom({ desk, queue, onLeave: () => {}, onOpen: (picture) => setQuery({ picture, show }) }) };
}

function Room({ project, kind, show }) {
  const [{ desk, room }] = useState(() => begin(project, kind, show));
  const [open, setOpen] = useState(null); // a window
  const [bare, setBare] = useState(false);
  const [agreement, setAgreement] = useState(null);
  const [busy, setBusy] = useState(false);
  const base = at`/projects/${project}/datasets/${kind}`;
  const entry = desk.entry.value;
  const document_ = desk.document.value;
  const changed = Boolean(entry && document_) && !sameDocument(document_, entry.saved);
  const mayReview = may("manage");

  const recount = () => get(`${base}/agreement`).then(setAgreement, () => {});
  useEffect(() => {
    document.title = `Review · ${project} · walkaround`;
    get(at`/projects/${project}/classes`).then((told) => {
      desk.classes.value = told.classes;
      desk.kind.value = told.classes[0].name;
    }, failed);
    room.start(query.value.get("picture"));
    recount();
  }, []);

  const give = async (verdict, note = "") => {
    if (!entry || busy) return;
    setBusy(true);
    try {
      const labelling = verdict === "adjusted" ? { labelling: requestOf(document_, entry.saved.places.length > 0) } : {};
      entry.told = await send("POST", `${base}/review`, { verdict, note, ...labelling }, { query: { picture: entry.picture }, match: entry.told.version });
      entry.saved = document_;
      setOpen(null);
      recount();
      await room.go("next");
    } catch (problem) {
      if (!problem.document?.current) throw problem;
      take(entry, problem.document.current);
      say("Somebody labelled this picture again meanwhile; this is what is there now.", { kind: "failed" });
    } finally {
      setBusy(false);
    }
  };
  const accept = () => give(changed ? "adjusted" : "accepted").catch(failed);
  useLabelKeys({
    "?": () => setOpen("keys"),
    h: () => setBare(!bare),
    ".": () => room.go("next"),
    ",": () => room.go("previous"),
    PageDown: () => room.go("next"),
    PageUp: () => room.go("previous"),
    ArrowRight: () => room.go("next"),
    ArrowLeft: () => room.go("previous"),
    ...(mayReview && entry
      ? { n: () => desk.say("normal"), a: () => desk.say("anomaly"), s: () => setOpen("back"), Enter: () => entered(desk) || accept(), ...deskKeys(desk) }
      : {}),
  });

  return html`<div class="labelling">
    <header class="label-head">
      <h1 tabindex="-1">Review</h1>
      <${Chooser} kind=${kind} show=${show} states=${SHOWN} />
      <${Waiting} counts=${room.counts.value} />
      <span class="gap"></span>
      ${changed && html`<span class="badge warning" role="status">Changed by you</span><${Button} icon="undo" onPress=${() => take(entry, entry.told)}>As it was</${Button}>`}
    </header>
    ${room.phase.value === "working"
      ? html`<${Toolbar} desk=${desk} onHelp=${() => setOpen("keys")} locked=${!mayReview} />
          <${Stage} desk=${desk} source=${entry && pictureAddress(project, kind, entry.picture)} name=${nameOf(entry)} names=${!bare} masks=${!bare} locked=${!mayReview} />
          <aside class="label-side" aria-label="Review">
            ${!mayReview && html`<${Note}>You may look; to review, your role has to be “manage”.</${Note}>`}
            <${Said} entry=${entry} />
            <section class="part give" aria-label="Your verdict">
              <${Button} kind="main" icon="review" disabled=${!mayReview || busy} onPress=${accept}>${changed ? "Adjust" : "Accept"}<kbd aria-hidden="true">↵</kbd></${Button}>
              <${Button} disabled=${!mayReview || busy} onPress=${() => setOpen("back")}>Send back<kbd aria-hidden="true">S</kbd></${Button}>
              <${Button} kind="quiet" icon="left" onPress=${() => room.go("previous")}>Previous</${Button}>
              <${Button} kind="quiet" onPress=${() => room.go("next")}>Skip<kbd aria-hidden="true">→</kbd></${Button}>
            </section>
            <${VerdictPanel} desk=${desk} say=${desk.say} locked=${!mayReview} />
            <${PlacesPanel} desk=${desk} locked=${!mayReview} />
            <${AgreementPanel} told=${agreement} />
          </aside>`
      : html`<div class="label-none"><${Elsewhere} room=${room} project=${project} show=${show} /><${AgreementPanel} told=${agreement} wide=${true} /></div>`}
    ${open === "keys" && html`<${KeysHelp} groups=${[REVIEW_KEYS, ...DRAWING_KEYS]} onClose=${() => setOpen(null)} />`}
    ${open === "back" && html`<${SendBack} onSend=${(note) => give("sent_back", note)} onClose=${() => setOpen(null)} />`}
  </div>`;
}

const VERDICTS = { accepted: "Accepted", adjusted: "Adjusted", sent_back: "Sent back" };
const person = (id) => id.replace(/^user:/, "");

/** Who labelled the picture, and what was said of that before. */
function Said({ entry }) {
  if (!entry) return null;
  const { labelled_by: by, labelled, review } = entry.told;
  return html`<section class="part" aria-label="Labelled by">
    <p class="small file">${nameOf(entry)}</p>
    <p class="small muted">
      Labelled${by && html` by <strong>${person(by)}</strong>`}${labelled && ` ${ago(asUtc(labelled))}`}: ${[labelName(entry.saved.label), ...entry.saved.kinds.map(kindName)].join(", ")}
    </p>
    ${review &&
    html`<${Note} kind=${review.verdict === "sent_back" ? "warning" : "info"}>
      <p><strong>${review.answered ? "Was sent back, and answered" : VERDICTS[review.verdict]}</strong>${review.by && ` by ${person(review.by)}`}${review.note && `: ${review.note}`}</p>
    </${Note}>`}
  </section>`;
}

function SendBack({ onSend, onClose }) {
  const [note, setNote] = useState("");
  const submit = (event) => {
    event.preventDefault();
    if (note.trim()) onSend(note.trim()).catch(failed);
  };
  return html`<${Dialog} title="Send back" onClose=${onClose}>
    <form onSubmit=${submit}>
      <${TextField} label="What is wrong?" hint="The labeller reads it beside the picture." value=${note} onInput=${setNote} maxlength="500" required />
      <div class="row end"><${Button} onPress=${onClose}>Cancel</${Button}><${Button} kind="main" type="submit">Send back</${Button}></div>
    </form>
  </${Dialog}>`;
}

function Elsewhere({ room, project, show }) {
  const { value: phase } = room.phase;
  if (phase === "loading") return html`<${Loading} text="Opening the pictures …" />`;
  if (phase === "failed" && room.problem.value.status === 404) {
    return html`<${Empty} title="No pictures yet">
      <p>Add pictures and label them; then a second person looks at them here.</p>
      <${Link} class="button main" to=${at`/projects/${project}/dataset`}>Add pictures</${Link}>
    </${Empty}>`;
  }
  if (phase === "failed") return html`<${Failed} problem=${room.problem.value} onRetry=${() => room.start(null)} />`;
  return html`<${Empty} icon="review" title=${show === "to_review" ? "Nothing waits for a review" : "No more pictures here"}>
    <p>${show === "to_review" ? "What others label comes here. Your own labels are reviewed by somebody else." : "You have come to the end of this list."}</p>
    <${Link} class="button plain" to=${at`/projects/${project}/label`}>Label</${Link}>
  </${Empty}>`;
}

function Waiting({ counts }) {
  if (!counts) return null;
  return html`<span class="small">${count(counts.to_review)} to review, ${count(counts.accepted + counts.adjusted)} reviewed, ${count(counts.sent_back)} sent back</span>`;
}

/** Show a picture as the server tells of it, without what was changed here. */
function take(entry, told) {
  entry.told = told;
  entry.saved = documentOf(told);
  entry.history.value = begun(entry.saved);
}

const nameOf = (entry) => entry?.told.name ?? entry?.picture.split("/").at(-1) ?? "";
