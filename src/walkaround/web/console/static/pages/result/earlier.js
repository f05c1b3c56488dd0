/** Other results of the same picture or video: of earlier contents, and of other models. */

import { html } from "../../vendor/preact.js";
import { get } from "../../api.js";
import { percent, when } from "../../formats.js";
import { Link } from "../../router.js";
import { useData } from "../../ui/data.js";
import { Panel } from "../../ui/page.js";
import { Verdict } from "../../ui/state.js";

const UNNAMED = "direct";
const MOST = 20;

/** @param {{result: any}} properties */
export function Earlier({ result }) {
  const named = result.source !== UNNAMED;
  const found = useData(
    (signal) => (named ? get("/results", { source: result.source, project: result.project, limit: MOST }, { signal }) : { results: [] }),
    [result.id],
  );
  const others = (found.value?.results ?? []).filter((one) => one.id !== result.id);
  if (!others.length) return null;
  return html`<${Panel} title="Other results of the same name">
    <ul class="earlier">
      ${others.map(
        (one) => html`<li key=${one.id}>
          <${Link} to=${`/results/${one.id}`}><time datetime=${one.created}>${when(one.created)}</time></${Link}>
          <${Verdict} damaged=${one.anomalous} /> <span class="small muted">${percent(one.confidence, 0)} sure, version ${one.model}</span>
        </li>`,
      )}
    </ul>
  </${Panel}>`;
}
