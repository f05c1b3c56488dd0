/** Training: what would be trained and why, warnings first, one button, and every training as it goes on and ended. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { at, get } from "../api.js";
import { query, setQuery } from "../router.js";
import { Loaded, useData } from "../ui/data.js";
import { arrive } from "../ui/focus.js";
import { Page } from "../ui/page.js";
import { styled } from "../ui/style_of_page.js";
import { say } from "../ui/toast.js";
import { CheckFirst } from "./train/check.js";
import { Earlier } from "./train/earlier.js";
import { hasEnded } from "./train/following.js";
import { Live } from "./train/live.js";
import { PlanPanel } from "./train/plan.js";
import { DEFAULTS, Start } from "./train/start.js";

export const styles = await styled(import.meta.url);

/**
 * The page.
 * @param {{project: string}} properties
 */
export default function Train({ project }) {
  const [options, setOptions] = useState(DEFAULTS);
  const { quality, parts, multi_label } = options;
  const plan = useData((signal) => get(at`/projects/${project}/training-plan`, { quality, parts, multi_label }, { signal }), [project, quality, parts, multi_label]);
  const trainings = useData((signal) => get(at`/projects/${project}/trainings`, {}, { signal }), [project]);
  const shown = query.value.get("version");
  const all = trainings.value?.trainings ?? [];
  const going = all.find((one) => !hasEnded(one))?.version ?? null;
  useEffect(() => {
    if (!shown && going) setQuery({ version: going }); // what goes on is shown to who comes back
  }, [shown, going]);
  const changed = () => {
    trainings.reload();
    plan.reload();
  };
  const started = (model) => {
    setOptions((former) => ({ ...former, description: "" }));
    changed();
    setQuery({ version: model.version });
    scrollTo({ top: 0 });
    arrive(); // the button now begins another training
    say(`Version ${model.version} is being trained.`);
  };
  const ended = (training) => {
    say(training.state === "done" ? `Version ${training.version} is trained.` : `The training of version ${training.version} has ended.`);
    changed();
  };
  return html`<${Page} title="Train" lead=${html`A model for ${project}, from your labelled pictures.`}>
    ${shown && html`<${Live} key=${shown} project=${project} version=${shown} onEnd=${ended} />`}
    <${CheckFirst} project=${project} />
    <${Loaded} of=${plan}>
      ${(told) => html`<div class="plan-and-start">
        <${PlanPanel} project=${project} plan=${told} options=${options} onOptions=${setOptions} />
        <${Start} project=${project} plan=${told} options=${options} onOptions=${setOptions} onStarted=${started} />
      </div>`}
    </${Loaded}>
    <${Earlier} project=${project} trainings=${trainings} />
  </${Page}>`;
}
