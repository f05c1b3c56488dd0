/** The pictures on which two versions differ, and one of them large with what both see in it. */

import { html, useEffect, useState } from "../../vendor/preact.js";
import { count, kindName, percent } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { Choice } from "../../ui/field.js";
import { Icon } from "../../ui/icon.js";
import { pictureName, pictureSource } from "../model/data.js";
import { layerOfKey, Layers, toggle } from "../model/layers.js";
import { Seen } from "../model/viewer.js";

const STEP = 24;

/**
 * The gallery.
 * @param {{project: string, found: object}} properties `found`: the comparison as the API tells it.
 */
export function Pictures({ project, found }) {
  const [kind, setKind] = useState("all");
  const [most, setMost] = useState(STEP);
  const [opened, setOpened] = useState(null);
  const lists = {
    all: found.pictures,
    second: found.pictures.filter((one) => one.second_right && !one.first_right),
    first: found.pictures.filter((one) => one.first_right && !one.second_right),
  };
  const list = lists[kind];
  const options = [
    ["all", `All that differ (${count(lists.all.length)})`],
    ["second", `Only ${found.second} is right (${count(lists.second.length)})`],
    ["first", `Only ${found.first} is right (${count(lists.first.length)})`],
  ];
  return html`<${Choice} label="Which pictures" value=${kind} options=${options} onChange=${(next) => (setKind(next), setMost(STEP))} />
    ${!list.length && html`<p class="none muted">There is no such picture.</p>`}
    <ul class="mistakes">
      ${list.slice(0, most).map(
        (one, index) => html`<li key=${one.picture}>
          <button type="button" onClick=${() => setOpened(index)} aria-label=${said(one, found)}>
            <img src=${pictureSource(project, found.first, one.first_number, 256)} alt="" loading="lazy" decoding="async" width="256" height="192" />
            <span class="caption"><span><${Icon} name=${one.damaged ? "damaged" : "whole"} />${kindName(one.label ?? "not labelled")}</span></span>
            <span class="both" aria-hidden="true">
              <span>${found.first}: ${percent(one.first_damage, 0)} ${sign(one.first_right)}</span><span>${found.second}: ${percent(one.second_damage, 0)} ${sign(one.second_right)}</span>
            </span>
          </button>
        </li>`,
      )}
    </ul>
    ${list.length > most && html`<${Button} onPress=${() => setMost(most + STEP)}>Show more of ${count(list.length)}</${Button}>`}
    ${opened !== null && list[opened] && html`<${Both} project=${project} found=${found} list=${list} index=${opened} onMove=${setOpened} onClose=${() => setOpened(null)} />`}`;
}

const sign = (right) => (right === null || right === undefined ? "" : right ? "✓" : "✗");

function said(one, found) {
  const word = (right) => (right === null || right === undefined ? "" : right ? ", right" : ", wrong");
  return `${kindName(one.label ?? "not labelled")}; version ${found.first} says ${percent(one.first_damage, 0)} damaged${word(one.first_right)}; version ${found.second} says ${percent(one.second_damage, 0)}${word(one.second_right)}: ${pictureName(one.picture)}`;
}

function Both({ project, found, list, index, onMove, onClose }) {
  const one = list[index];
  const turn = (step) => list[index + step] && onMove(index + step);
  useEffect(() => {
    const press = (event) => {
      if (event.target.matches?.("input[type=range]") || event.ctrlKey || event.metaKey || event.altKey) return;
      const layer = layerOfKey(event.key.toLowerCase());
      if (layer) toggle(layer);
      else if (event.key === "ArrowLeft") turn(-1);
      else if (event.key === "ArrowRight") turn(1);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [index, list]);
  const side = (version, number, damage, threshold) => html`<section aria-label="Version ${version}">
    <h3>Version ${version}</h3>
    <${Seen}
      key=${number}
      project=${project}
      version=${version}
      picture=${{ number, picture: one.picture, label: one.label, damaged: one.damaged, damage, probabilities: {} }}
      threshold=${threshold}
      plain=${true}
    />
  </section>`;
  return html`<${Dialog} title="Picture ${count(index + 1)} of ${count(list.length)}" onClose=${onClose} wide=${true}>
    <div class="pair">
      ${side(found.first, one.first_number, one.first_damage, found.first_threshold)} ${side(found.second, one.second_number, one.second_damage, found.second_threshold)}
    </div>
    <${Layers} there=${["heat", "areas", "boxes", "truth"]} />
    <div class="row turns">
      <${Button} icon="left" disabled=${index === 0} onPress=${() => turn(-1)}>Previous</${Button}>
      <${Button} icon="right" disabled=${index === list.length - 1} onPress=${() => turn(1)}>Next</${Button}>
    </div>
  </${Dialog}>`;
}
