/** All pictures of a trial at once: the model's verdict on each, and what a person said. */

import { html } from "../../vendor/preact.js";
import { labelName, percent } from "../../formats.js";
import { Badge, Verdict } from "../../ui/state.js";
import { Icon } from "../../ui/icon.js";
import { foundKinds, hintWord, listed, moment } from "./words.js";

/** @param {{pictures: any[], onOpen: (picture: string) => void, before?: boolean}} properties `before`: also what another version said. */
export function Grid({ pictures, onOpen, before = false }) {
  return html`<ul class="trial-grid">
    ${pictures.map((one) => html`<li key=${one.picture}><${Tile} picture=${one} onOpen=${onOpen} before=${before} /></li>`)}
  </ul>`;
}

function Tile({ picture, onOpen, before }) {
  const name = picture.name ?? picture.picture.split("/").at(-1);
  const { findings } = picture;
  const kinds = findings ? listed(foundKinds(findings)) : "";
  return html`<button type="button" class="tile" onClick=${() => onOpen(picture.picture)}>
    <img src=${`${picture.image}&size=256`} alt="" loading="lazy" decoding="async" width="256" height="192" />
    <span class="tile-text">
      ${before && html`<span class="tile-before"><${Verdict} damaged=${picture.before.anomalous} /> <span aria-label="becomes">→</span></span>`}
      ${findings ? html`<${Verdict} damaged=${findings.anomalous} text=${`${findings.anomalous ? "damaged" : "whole"} ${percent(findings.confidence, 0)}`} />` : html`<span class="small muted">${picture.error ? "not readable" : "waiting"}</span>`}
      ${picture.verified && html`<${Mark} picture=${picture} />`}
      ${(picture.quality?.hints ?? []).slice(0, 1).map((hint) => html`<${Badge} key=${hint} kind="warning">${hintWord(hint)}</${Badge}>`)}
    </span>
    ${kinds && html`<span class="tile-name small">${kinds}</span>`}
    <span class="tile-name small muted">${picture.time === null ? name : `${moment(picture.time)} ${picture.video}`}</span>
  </button>`;
}

function Mark({ picture }) {
  const right = picture.correct !== false;
  return html`<span class=${`tile-mark ${right ? "good" : "bad"}`} title=${`You said ${labelName(picture.verified)}`}>
    <${Icon} name=${right ? "review" : "close"} /><span class="unseen">${right ? "right" : `wrong, it is ${labelName(picture.verified)}`}</span>
  </span>`;
}
