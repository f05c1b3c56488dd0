/** One training, while it goes on and after it: what it does, how long it still takes, its curves, what it noticed, how it ended. */

import { html, useMemo } from "../../vendor/preact.js";
import { at, send } from "../../api.js";
import { ago, count, duration, percent, plural, when } from "../../formats.js";
import { Link } from "../../router.js";
import { may } from "../../session.js";
import { Button } from "../../ui/button.js";
import { confirm } from "../../ui/dialog.js";
import { Panel } from "../../ui/page.js";
import { ProgressBar } from "../../ui/progress.js";
import { Badge, Failed, Loading, Note } from "../../ui/state.js";
import { Curves } from "./curves.js";
import { folded } from "./fold.js";
import { hasEnded, useTraining } from "./following.js";
import { Files } from "./files.js";
import { phaseName, ruleName, stateWords } from "./words.js";

/**
 * @param {{project: string, version: string, onEnd: (training: any) => void}} properties
 */
export function Live({ project, version, onEnd }) {
  const { training, log, away, problem } = useTraining(project, version, onEnd);
  const told = useMemo(() => folded(log), [log]);
  const title = `Version ${version}`;
  if (problem) return html`<${Panel} title=${title}><${Failed} problem=${problem} /></${Panel}>`;
  if (!training) return html`<${Panel} title=${title}><${Loading} /></${Panel}>`;
  const [state, kind] = stateWords(training.state);
  const cancel = !hasEnded(training) && may("manage") && html`<${Button} kind="danger" icon="stop" onPress=${() => cancelled(project, version)}>Cancel</${Button}>`;
  const rules = told.parts.flatMap((part) => part.rules);
  const parts = told.parts.filter((part) => part.points.length || part.epochs.length || part.notes.length);
  return html`<${Panel} title=${title} actions=${html`<${Badge} kind=${kind}>${state}</${Badge}>${cancel}`}>
    ${away && !hasEnded(training) && html`<${Note}><p>The server does not answer just now. The training goes on when it is back, and so does this page.</p></${Note}>`}
    ${hasEnded(training) ? html`<${Ended} project=${project} training=${training} />` : html`<${Going} training=${training} attempts=${told.attempts.length} />`}
    <${Phases} training=${training} />
    ${rules.length > 0 && html`<${Rules} rules=${rules} />`}
    ${told.problems.length > 0 && html`<${Problems} problems=${told.problems} />`}
    ${parts.map((part) => html`<${Curves} key=${part.name} part=${part} />`)}
    ${training.files && html`<${Files} project=${project} version=${version} ended=${hasEnded(training)} />`}
  </${Panel}>`;
}

async function cancelled(project, version) {
  const text = "What it has learnt so far is thrown away, and no model comes of it. The pictures stay as they are.";
  if (await confirm({ title: `Cancel the training of version ${version}?`, text, action: "Cancel the training" })) {
    await send("POST", at`/projects/${project}/models/${version}/cancel`);
  }
}

function Going({ training, attempts }) {
  if (training.state === "waiting") {
    return html`${training.error && html`<${Note} kind="warning"><p>It could not be done: ${training.error} It is tried again${training.next_try ? ` ${ago(training.next_try)}` : ""}.</p></${Note}>`}
      <${ProgressBar} text="Waiting for its turn …" />`;
  }
  const share = training.of > 1 ? training.done / training.of : null;
  const doing = phaseName(training.doing) ?? "Starting";
  const learning = training.doing?.startsWith("Training "); // by steps or by the time that is over, whichever is more
  const steps = share === null ? " …" : learning ? `: ${percent(share, 0)}` : `: ${count(training.done)} of ${count(training.of)}`;
  return html`<${ProgressBar} share=${share} text=${`${doing}${steps}`} stage=${doing} />
    <p class="left">${leftWords(training)}</p>
    ${attempts > 1 && html`<p class="small muted">Begun ${attempts} times: it went on where it was after the server, or its process, had ended.</p>`}`;
}

/** How long a training may still take, and what that goes by. */
export function leftWords({ left, seconds }) {
  const since = seconds === null ? "" : `${duration(Math.floor(seconds / 10) * 10)} so far`;
  if (!left) return since;
  const about = `about ${duration(left.seconds)} left${left.whole ? "" : " of this step"}`;
  return `${about}, by ${left.basis}${since ? `; ${since}` : ""}`;
}

function Ended({ project, training }) {
  const took = training.seconds === null ? "" : ` It took ${duration(training.seconds)}.`;
  if (training.state === "done") {
    return html`<${Note} kind="good">
      <p>The model is trained, ${when(training.ended)}.${took} ${training.message}</p>
      <p class="row">
        <${Link} to=${at`/projects/${project}/models/${training.version}`} class="button main">Look at its scores</${Link}>
        <${Link} to=${at`/projects/${project}/models`} class="button plain">All versions</${Link}>
      </p>
    </${Note}>`;
  }
  if (training.state === "cancelled") return html`<${Note}><p>The training was cancelled, ${when(training.ended)}.</p></${Note}>`;
  return html`<${Note} kind="failed"><p>${training.message || "The training failed."}</p></${Note}>`;
}

function Phases({ training }) {
  if (!training.phases.length) return null;
  return html`<ol class="phases" aria-label="What it went through">
    ${training.phases.map(
      (phase, index) => html`<li key=${index} class=${phase.seconds === null && !hasEnded(training) ? "now" : ""}>
        <span>${phaseName(phase.doing)}</span> <span class="small muted">${phase.seconds === null ? "" : duration(phase.seconds)}</span>
      </li>`,
    )}
  </ol>`;
}

function Rules({ rules }) {
  return html`<section aria-label="What it noticed">
    <h3>What it noticed</h3>
    <ul class="findings">
      ${rules.map(
        (line) => html`<li key=${line.number}>
          <${Badge} kind="warning">${line.step ? `step ${count(line.step)}` : "noticed"}</${Badge}>
          <div>
            <p title=${line.told.rule}><strong>${ruleName(line.told.rule)}.</strong> ${sentence(line.told.message)}</p>
            <p class="small muted">${line.told.advice}</p>
          </div>
        </li>`,
      )}
    </ul>
  </section>`;
}

/** A message of a rule as a sentence. */
export const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

function Problems({ problems }) {
  return html`<details class="advice">
    <summary>About the pictures (${problems.length})</summary>
    <ul>${problems.map((line) => html`<li key=${line.number}>${line.told.message}${line.told.times > 1 ? ` And ${plural(line.told.times - 1, "more", "more")} of this kind.` : ""}</li>`)}</ul>
  </details>`;
}
