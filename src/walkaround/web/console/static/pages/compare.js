/** Two versions of a model beside each other, on the test pictures that both have. */

import { html } from "../vendor/preact.js";
import { at, get } from "../api.js";
import { plural } from "../formats.js";
import { Link, query, setQuery } from "../router.js";
import { IconButton } from "../ui/button.js";
import { Loaded, useData } from "../ui/data.js";
import { SelectField } from "../ui/field.js";
import { Page, Panel } from "../ui/page.js";
import { Empty, Failed, Loading, Note } from "../ui/state.js";
import { Agreement, Differences } from "./compare/differences.js";
import { Pictures } from "./compare/pictures.js";
export { styles } from "./model/parts.js";

const UNTRAINED = ["TRAINING", "TRAINING_FAILED", "DELETING"];

/** The page. @param {{project: string}} properties */
export default function ComparePage({ project }) {
  const versions = useData((signal) => readVersions(project, signal), [project]);
  return html`<${Page} title="Compare versions" lead="Each at the threshold by which it answers, on the pictures that both were tested on.">
    <${Loaded} of=${versions}>
      ${(all) =>
        all.length < 2
          ? html`<${Empty} icon="model" title="There are no two versions to compare">
              <p>Train another version, and see here whether it is better.</p>
              <${Link} class="button main" to=${at`/projects/${project}/train`}>Train</${Link}>
            </${Empty}>`
          : html`<${Compared} project=${project} versions=${all} />`}
    </${Loaded}>
  </${Page}>`;
}

function Compared({ project, versions }) {
  const [second, first] = chosen(versions);
  const found = useData((signal) => get(at`/projects/${project}/comparison`, { first, second }, { signal }), [project, first, second]);
  const options = versions.map((one) => [one.version, `Version ${one.version}${one.status === "HOSTED" ? " (hosted)" : ""}`]);
  return html`<${Panel}>
      <div class="versions">
        <${SelectField} label="First" value=${first} options=${options} onChange=${(a) => setQuery({ a, b: second })} />
        <${IconButton} icon="undo" label="Exchange the versions" onPress=${() => setQuery({ a: second, b: first })} />
        <${SelectField} label="Second" value=${second} options=${options} onChange=${(b) => setQuery({ a: first, b })} />
      </div>
    </${Panel}>
    ${first === second && html`<${Note}>These are the same version. Choose another one.</${Note}>`}
    ${found.problem ? html`<${Failed} problem=${found.problem} onRetry=${found.reload} />` : !found.value || found.value.first !== first || found.value.second !== second ? html`<${Loading} text="Comparing …" />` : html`<${Outcome} project=${project} found=${found.value} />`}`;
}

function Outcome({ project, found }) {
  const link = (version, threshold) => html`<${Link} to=${at`/projects/${project}/models/${version}`}>Version ${version}</${Link}> answers by ${threshold.toFixed(3)}`;
  return html`
    ${found.warnings.length > 0 && html`<${Note} kind="warning"><ul class="warnings">${found.warnings.map((text) => html`<li key=${text}>${text}</li>`)}</ul></${Note}>`}
    <${Panel} title=${`Verdicts on ${plural(found.n, "picture")}`}>
      <${Agreement} found=${found} />
      <p class="small muted">${link(found.first, found.first_threshold)}, ${link(found.second, found.second_threshold)}. ${plural(found.damaged, "picture")} damaged, ${found.whole} whole.</p>
    </${Panel}>
    <${Panel} title="Scores">
      <${Differences} found=${found} />
      <p class="small muted">
        Both looked at the same pictures, so that only those on which they differ count. Where the interval holds 0, the difference may be chance.
      </p>
    </${Panel}>
    <${Panel} title="Pictures on which they differ"><${Pictures} project=${project} found=${found} /></${Panel}>
  `;
}

/** The second and the first version: those of the address, else the two newest. */
function chosen(versions) {
  const names = versions.map((one) => one.version);
  const asked = (part) => (names.includes(query.value.get(part)) ? query.value.get(part) : null);
  const second = asked("b") ?? names.findLast((name) => name !== asked("a"));
  const first = asked("a") ?? names.findLast((name) => name !== second && Number(name) < Number(second)) ?? names.find((name) => name !== second);
  return [second, first];
}

/** All versions that were trained, the oldest first. */
async function readVersions(project, signal) {
  const found = [];
  for (let next; ; ) {
    const page = await get(at`/projects/${project}/models`, { next }, { signal });
    found.push(...page.models);
    next = page.next;
    if (!next) return found.filter((one) => !UNTRAINED.includes(one.status));
  }
}
