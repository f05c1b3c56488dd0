/** Whether the pictures that hosted models look at still are like those that they were trained on. */

import { html } from "../../vendor/preact.js";
import { at, get } from "../../api.js";
import { Link } from "../../router.js";
import { useData } from "../../ui/data.js";
import { Note } from "../../ui/state.js";

const MOST_MODELS = 20;

/**
 * A remark for each model whose pictures have changed; nothing where none has.
 * @param {{hosted: {project: string, version: string}[]}} properties
 */
export function DriftWarnings({ hosted }) {
  const names = hosted.slice(0, MOST_MODELS).map((one) => `${one.project} ${one.version}`);
  const drift = useData(
    (signal) =>
      Promise.all(
        hosted.slice(0, MOST_MODELS).map(async ({ project, version }) => {
          const told = await get(at`/projects/${project}/models/${version}/drift`, {}, { signal }).catch(() => ({ warnings: [] }));
          return { project, version, warnings: told.warnings };
        }),
      ),
    [names.join()],
  );
  return (drift.value ?? [])
    .filter((one) => one.warnings.length)
    .map(
      (one) => html`<${Note} kind="warning" key=${`${one.project} ${one.version}`}>
        <p><strong>The pictures for <${Link} to=${at`/projects/${one.project}/models/${one.version}`}>${one.project}, version ${one.version}</${Link}> have changed.</strong></p>
        <ul>${one.warnings.map((text) => html`<li key=${text}>${text}</li>`)}</ul>
      </${Note}>`,
    );
}
