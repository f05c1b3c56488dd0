/** One version of a model: what it scores, the threshold that can be tried and adopted, its mistakes, and how it was made. */

import { html, useEffect, useMemo, useRef, useSignal, useState } from "../vendor/preact.js";
import { at } from "../api.js";
import { plural } from "../formats.js";
import { Link, query, setQuery } from "../router.js";
import { Loaded, useData } from "../ui/data.js";
import { Page, Panel } from "../ui/page.js";
import { Badge, Empty, Note } from "../ui/state.js";
import { Adopt } from "./model/adopt.js";
import { Curves } from "./model/curves.js";
import { readModel } from "./model/data.js";
import { cheapestOf, Costs, Outcome, Slider } from "./model/desk.js";
import { Facts } from "./model/facts.js";
import { Gallery } from "./model/gallery.js";
export { styles } from "./model/parts.js";
import { Classes, Kinds, Places, Scores } from "./model/scores.js";
import { ranked as rank } from "./model/threshold.js";
import { Viewer } from "./model/viewer.js";

const TRAINED = ["TRAINED", "HOSTED", "STARTING_HOSTING", "STOPPING_HOSTING", "HOSTING_FAILED", "SYSTEM_UPDATING"];
const PRICES = { miss: 10, falseAlarm: 1 };

/** The page. @param {{project: string, version: string}} properties */
export default function ModelPage({ project, version }) {
  const read = useData((signal) => readModel(project, version, signal), [project, version]);
  const name = read.value?.model.version ?? version;
  const actions = html`<${Link} class="button plain" to=${at`/projects/${project}/models`}>All versions</${Link}>
    <${Link} class="button plain" to="${at`/projects/${project}/compare`}?b=${name}">Compare</${Link}>
    <${Link} class="button plain" to=${at`/projects/${project}/try`}>Try on new photos</${Link}>`;
  return html`<${Page} title="Version ${name}" lead=${html`<${Status} model=${read.value?.model} />`} actions=${actions}>
    <${Loaded} of=${read}>
      ${({ model, point, tested, why }) =>
        TRAINED.includes(model.status)
          ? html`<${Version} project=${project} model=${model} point=${point} tested=${tested} why=${why} onChanged=${(next) => read.set({ model, point: next, tested, why })} />`
          : html`<${Empty} icon="model" title="There is nothing to see of this version"><p>${model.message}</p></${Empty}>`}
    </${Loaded}>
  </${Page}>`;
}

function Status({ model }) {
  if (!model) return "";
  const kind = { HOSTED: "good", TRAINED: "plain", TRAINING_FAILED: "failed", HOSTING_FAILED: "failed" }[model.status] ?? "busy";
  return html`<${Badge} kind=${kind}>${model.status.toLowerCase().replaceAll("_", " ")}</${Badge}> ${model.message}`;
}

function Version({ project, model, point, tested, why, onChanged }) {
  const card = point?.scores;
  return html`
    ${card && html`<${Panel} title="Scores on ${plural(card.n, "test picture")}" actions=${html`<span class="small muted">at the threshold ${card.threshold?.toFixed(3)}, by which it answers; lines are 95 % intervals</span>`}><${Scores} card=${card} /></${Panel}>`}
    ${tested ? html`<${Tried} project=${project} model=${model} point=${point} tested=${tested} onChanged=${onChanged} />` : html`<${Note}><p>${why}</p></${Note}>`}
    ${card && Object.keys(card.per_class ?? {}).length > 0 && html`<${Panel} title="Class by class"><${Classes} card=${card} /></${Panel}>`}
    ${card?.kinds && html`<${Panel} title="Kinds of damage"><${Kinds} of=${card.kinds} /></${Panel}>`}
    ${card && (card.boxes || card.masks) && html`<${Panel} title="Places of damage"><${Places} card=${card} /></${Panel}>`}
    <${Panel} title="How it was made"><${Facts} project=${project} version=${model.version} /></${Panel}>
  `;
}

function Tried({ project, model, point, tested, onChanged }) {
  const ranked = useMemo(() => rank(tested.pictures), [tested]);
  const threshold = useSignal(wanted() ?? tested.threshold);
  const costs = useSignal(kept(project) ?? { ...PRICES, share: Math.round((1000 * ranked.damaged) / Math.max(1, ranked.damaged + ranked.whole)) / 1000 });
  const best = useMemo(() => cheapestOf(ranked, costs), [ranked]);
  const [opened, setOpened] = useState(null);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else keep(project, costs.value);
  }, [costs.value]);
  const marks = [
    { name: "Training", at: tested.trained_threshold },
    ...(point?.adopted ? [{ name: "Adopted", at: point.threshold }] : []),
  ];
  return html`<${Panel} title="Threshold">
      ${!tested.exact && html`<p class="small muted">This version was trained by an older walkaround: probabilities of single pictures are known to four digits.</p>`}
      <div class="desk">
        <div>
          <${Slider}
            threshold=${threshold}
            pictures=${tested.pictures}
            ranked=${ranked}
            best=${best}
            marks=${marks}
            onSettled=${(value) => setQuery({ t: Math.abs(value - tested.threshold) < 5e-5 ? null : value.toFixed(4) })}
          />
          <${Costs} threshold=${threshold} ranked=${ranked} costs=${costs} best=${best} trained=${tested.trained_threshold} />
        </div>
        <div><${Outcome} threshold=${threshold} ranked=${ranked} /></div>
      </div>
      ${point && html`<${Adopt} project=${project} version=${model.version} point=${point} threshold=${threshold} onChanged=${onChanged} />`}
    </${Panel}>
    <${Panel} title="Mistakes at this threshold">
      <${Gallery} project=${project} version=${model.version} tested=${tested} ranked=${ranked} threshold=${threshold} onOpen=${(numbers, index) => setOpened({ numbers, index })} />
    </${Panel}>
    <${Panel} title="Curves"><${Curves} ranked=${ranked} threshold=${threshold} /></${Panel}>
    ${opened &&
    html`<${Viewer}
      project=${project}
      version=${model.version}
      tested=${tested}
      numbers=${opened.numbers}
      index=${opened.index}
      threshold=${threshold.value}
      onMove=${(index) => setOpened({ ...opened, index })}
      onClose=${() => setOpened(null)}
    />`}`;
}

/** The threshold of the address, so that what was tried can be sent to somebody. */
function wanted() {
  const told = Number.parseFloat(query.peek().get("t"));
  return told >= 0 && told <= 1 ? told : null;
}

function kept(project) {
  try {
    const told = JSON.parse(localStorage.getItem(`walkaround.costs.${project}`));
    return told && ["miss", "falseAlarm", "share"].every((name) => told[name] >= 0) && told.share <= 1 ? told : null;
  } catch {
    return null;
  }
}

function keep(project, costs) {
  localStorage.setItem(`walkaround.costs.${project}`, JSON.stringify(costs));
}
