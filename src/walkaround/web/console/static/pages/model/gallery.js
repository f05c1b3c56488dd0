/** The pictures that a model judges wrongly at a threshold, the most wrong first, as small pictures that open. */

import { html, useMemo, useState } from "../../vendor/preact.js";
import { count, kindName, percent } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { Choice } from "../../ui/field.js";
import { Icon } from "../../ui/icon.js";
import { pictureName, pictureSource } from "./data.js";
import { mistakesAt } from "./threshold.js";

const FIRST = 24;
const MORE = 48;

/**
 * The gallery.
 * @param {{project: string, version: string, tested: object, ranked: object, threshold: {value: number}, onOpen: (numbers: number[], at: number) => void}} properties
 *   `onOpen` is told the numbers (from 0) of all pictures that are shown, and which of them was chosen.
 */
export function Gallery({ project, version, tested, ranked, threshold, onOpen }) {
  const { missed, falseAlarms } = mistakesAt(ranked, threshold.value);
  const [kind, setKind] = useState(missed.length || !falseAlarms.length ? "missed" : "alarms");
  const [most, setMost] = useState(FIRST);
  const fixed = useMemo(() => fixedLists(tested), [tested]);
  const lists = { missed, alarms: falseAlarms, ...fixed };
  if (fixed.named) lists.names = fixed.named.filter((number) => tested.pictures[number].damage >= threshold.value);
  const numbers = lists[kind] ?? missed;
  const choose = (next) => {
    setKind(next);
    setMost(FIRST);
  };
  const options = [
    ["missed", `Missed damage (${count(missed.length)})`],
    ["alarms", `False alarms (${count(falseAlarms.length)})`],
    ...(lists.names ? [["names", `Wrong name (${count(lists.names.length)})`]] : []),
    ...(lists.places ? [["places", `Wrong places (${count(lists.places.length)})`]] : []),
    ["all", `All (${count(tested.pictures.length)})`],
  ];
  const shown = Array.from(numbers.slice(0, most));
  return html`<${Choice} label="Which pictures" value=${kind} options=${options} onChange=${choose} />
    ${shown.length === 0 && html`<p class="none muted">${EMPTY[kind] ?? ""}</p>`}
    <ul class="mistakes" data-kind=${kind}>
      ${shown.map(
        (number, at) => html`<${Small}
          key=${number}
          source=${pictureSource(project, version, tested.pictures[number].number, 256)}
          picture=${tested.pictures[number]}
          wrong=${kind !== "all" || wrongAt(tested.pictures[number], threshold.value)}
          onOpen=${() => onOpen(Array.from(numbers), at)}
        />`,
      )}
    </ul>
    ${numbers.length > most &&
    html`<div class="row"><${Button} onPress=${() => setMost(most + MORE)}>Show ${count(Math.min(MORE, numbers.length - most))} more of ${count(numbers.length)}</${Button}></div>`}`;
}

const EMPTY = {
  missed: "No damage is missed at this threshold.",
  alarms: "There is no false alarm at this threshold.",
  names: "Every damage has its right name.",
  places: "Every place is right.",
  all: "There is no test picture.",
};

/**
 * Lists that no threshold changes: `all`, the likeliest damage first; `places`, the wrong ones, the worst first; `named`, damaged pictures that bear the name
 * of another damage whenever they are called damaged.
 */
function fixedLists({ pictures, classes, normal, kind_thresholds: limits }) {
  const all = pictures.map((_, number) => number);
  const lists = { all: all.toSorted((one, other) => pictures[other].damage - pictures[one].damage) };
  if (classes.filter((name) => !normal.includes(name)).length > 1) {
    lists.named = lists.all.filter((number) => {
      const one = pictures[number];
      if (!one.damaged || one.label === "anomaly") return false; // nobody said of which kind it is
      return limits ? !sameKinds(one, limits) : classes.includes(one.label) && best(one.probabilities, normal) !== one.label;
    });
  }
  if (pictures.some((one) => (one.damaged && typeof one.badness === "number") || one.badness > 0)) { // on a whole car nothing is drawn
    lists.places = all.filter((number) => pictures[number].badness > 0).sort((one, other) => pictures[other].badness - pictures[one].badness);
  }
  return lists;
}

/** Whether a model that tells several kinds at once tells just those that a person saw. */
function sameKinds({ label, probabilities }, limits) {
  const seen = label.split("; ");
  const told = Object.keys(limits).filter((name) => probabilities[name] >= limits[name]);
  return seen.length === told.length && told.every((name) => seen.includes(name));
}

function best(probabilities, normal) {
  return Object.entries(probabilities)
    .filter(([name]) => !normal.includes(name))
    .reduce((one, other) => (other[1] > one[1] ? other : one))[0];
}

const wrongAt = (picture, threshold) => picture.damaged !== undefined && picture.damaged !== null && picture.damaged !== picture.damage >= threshold;

function Small({ source, picture, wrong, onOpen }) {
  const truth = kindName(picture.label ?? "not labelled");
  return html`<li>
    <button type="button" onClick=${onOpen} aria-label="${truth}, probability of damage ${percent(picture.damage, 0)}: ${pictureName(picture.picture)}">
      <img src=${source} alt="" loading="lazy" decoding="async" width="256" height="192" />
      <span class="caption">
        <span><${Icon} name=${picture.damaged ? "damaged" : "whole"} />${truth}</span>
        <span class=${wrong ? "wrong" : ""}>${percent(picture.damage, 0)}</span>
      </span>
      <span class="bar" aria-hidden="true"><i style=${{ width: `${picture.damage * 100}%` }}></i></span>
    </button>
  </li>`;
}
