/** TensorBoard one click away, the report, and the files for those who look at them elsewhere. */

import { html } from "../../vendor/preact.js";
import { address, at, get, send } from "../../api.js";
import { Button } from "../../ui/button.js";
import { useData } from "../../ui/data.js";
import { Icon } from "../../ui/icon.js";
import { Snippet } from "../../ui/snippet.js";

/**
 * @param {{project: string, version: string}} properties
 */
export function Files({ project, version }) {
  const path = at`/projects/${project}/models/${version}/training`;
  const board = useData((signal) => get(`${path}/tensorboard`, {}, { signal }), [path]);
  const told = board.value;
  return html`<section class="files" aria-label="For experts">
    <h3>For experts</h3>
    <div class="row">
      ${told?.installed && html`<${Button} icon="results" onPress=${() => opened(path)}>Open TensorBoard</${Button}>`}
      <a class="button plain" href=${address(`${path}/report`)} target="_blank" rel="noopener">Report</a>
      <a class="button plain" href=${address(`${path}/files`)} download><${Icon} name="download" />Download the files</a>
    </div>
    ${told && !told.installed && html`<${Elsewhere} told=${told} />`}
  </section>`;
}

/** Open it in a tab that exists before the answer does, since browsers take later ones for advertising. */
async function opened(path) {
  const tab = window.open("", "_blank");
  if (tab) tab.opener = null; // the console is not its business
  try {
    const { path: place } = await send("POST", `${path}/tensorboard`);
    if (tab) tab.location.replace(new URL(place, location.origin));
    else location.assign(place);
  } catch (problem) {
    tab?.close();
    throw problem;
  }
}

function Elsewhere({ told }) {
  return html`<p class="small muted">
      TensorBoard is not installed where the server runs. Install it there (<code>${told.install}</code>), or download the files, unpack them, and look at them on your own machine:
    </p>
    <${Snippet} label="Command" code=${told.command} />`;
}
