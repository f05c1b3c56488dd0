/** The versions of a project's model: how good each is, how it stands, and what can be done with it. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { at, get } from "../api.js";
import { go, Link } from "../router.js";
import { Button } from "../ui/button.js";
import { Loaded, useData } from "../ui/data.js";
import { Page } from "../ui/page.js";
import { Empty } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { isBusy } from "./models/statuses.js";
import { VersionPanel } from "./models/version.js";

export const styles = await styled(import.meta.url);

const BUSY_MS = 1500;
const QUIET_MS = 15000;

/**
 * The page.
 * @param {{project: string}} properties
 */
export default function Models({ project }) {
  const [busy, setBusy] = useState(false);
  const models = useData((signal) => allOf(project, signal), [project], { every: busy ? BUSY_MS : QUIET_MS });
  const [compared, setCompared] = useState([]);
  useEffect(() => setBusy(Boolean(models.value?.some((one) => isBusy(one.status)))), [models.value]);
  const choose = (version, chosen) => setCompared((former) => [...former.filter((one) => one !== version), ...(chosen ? [version] : [])].slice(-2));
  const train = html`<${Link} to=${at`/projects/${project}/train`} class="button main">Train the next version</${Link}>`;
  const [one, other] = [...compared].sort((first, second) => first - second);
  const several = (models.value ?? []).filter((model) => model.summary).length > 1;
  const compare = several && html`<${Button} icon="review" disabled=${compared.length !== 2} title="Tick two versions first" onPress=${() => go(`${at`/projects/${project}/compare`}?a=${one}&b=${other}`)}>
    Compare two
  </${Button}>`;
  return html`<${Page} title="Models" lead=${`The versions of ${project}, the newest first.`} actions=${html`${compare}${train}`}>
    <${Loaded} of=${models}>
      ${(all) =>
        all.length
          ? all.map(
              (model) => html`<${VersionPanel}
                key=${model.version}
                project=${project}
                model=${model}
                chosen=${compared.includes(model.version)}
                onChoose=${several ? (chosen) => choose(model.version, chosen) : null}
                onChanged=${models.reload}
              />`,
            )
          : html`<${Empty} icon="model" title="No model yet"><p>Label some whole and some damaged cars, then train the first version.</p>${train}</${Empty}>`}
    </${Loaded}>
  </${Page}>`;
}

async function allOf(project, signal) {
  const all = [];
  let next = null;
  do {
    const page = await get(at`/projects/${project}/models`, { next }, { signal });
    all.push(...page.models);
    next = page.next;
  } while (next);
  return all.reverse();
}
