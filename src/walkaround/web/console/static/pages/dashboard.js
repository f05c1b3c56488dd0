/** The dashboard: what was looked at and how much was damaged, and what the server is doing. */

import { html, useEffect, useMemo, useState } from "../vendor/preact.js";
import { get } from "../api.js";
import { count, percent } from "../formats.js";
import { Link, query, setQuery } from "../router.js";
import { Chart } from "../ui/chart.js";
import { Loaded, useData } from "../ui/data.js";
import { Choice, SelectField } from "../ui/field.js";
import { Figure, Page, Panel } from "../ui/page.js";
import { styled } from "../ui/style_of_page.js";
import { Failures, Hosted, Running, Spoken } from "./dashboard/activity.js";
import { DriftWarnings } from "./dashboard/drift.js";
import { FRAMES, linesOf, MEASURES, offsetNow, secondsOf, zoneName } from "./dashboard/sums.js";

export const styles = await styled(import.meta.url);

const SUMS_MS = 30000;
const BUSY_MS = 2000;
const QUIET_MS = 8000;
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const HOUR = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "numeric", minute: "2-digit" });

/** The page. */
export default function Dashboard() {
  const [busy, setBusy] = useState(false);
  const activity = useData((signal) => get("/activity", {}, { signal }), [], { every: busy ? BUSY_MS : QUIET_MS });
  useEffect(() => setBusy((activity.value?.running.length ?? 0) > 0), [activity.value]);
  return html`<${Page} title="Dashboard" lead="What was looked at, and what the server is doing.">
    ${activity.value && html`<${DriftWarnings} hosted=${activity.value.hosted} />`}
    <${Sums} />
    <${Loaded} of=${activity}>
      ${(told) => html`<${Spoken} running=${told.running} />
        <div class="dashboard-columns">
          <div><${Hosted} hosted=${told.hosted} /><${Running} running=${told.running} /></div>
          <${Failures} failed=${told.failed} watches=${told.watches} next=${told.next} />
        </div>`}
    </${Loaded}>
  </${Page}>`;
}

function Sums() {
  const known = (options, name, usual) => options.find(([value]) => value === query.value.get(name))?.[0] ?? usual;
  const frame = known(FRAMES, "frame", "1w");
  const measure = known(MEASURES, "of", "pictures");
  const project = query.value.get("project") ?? "";
  const asked = { frame, project, offset: offsetNow(), zone: zoneName() };
  const sums = useData((signal) => get("/dashboard", asked, { signal }), [frame, project], { every: SUMS_MS });
  const projects = useData((signal) => get("/projects", { limit: 100 }, { signal }), []);
  const names = (projects.value?.projects ?? []).map((one) => one.name);
  return html`<${Panel} title="Looked at" aria-busy=${sums.loading}>
    <div class="row dashboard-choices">
      <${Choice} label="Time" value=${frame} options=${FRAMES} onChange=${(value) => setQuery({ frame: value })} />
      <${Choice} label="What the lines are of" value=${measure} options=${MEASURES} onChange=${(value) => setQuery({ of: value })} />
      ${
        names.length > 1 &&
        html`<${SelectField} label="Project" value=${project} options=${[["", "All projects"], ...names.map((name) => [name, name])]} onChange=${(value) => setQuery({ project: value })} />`
      }
    </div>
    <${Loaded} of=${sums}>${(shown) => html`<${Shown} shown=${shown} measure=${measure} />`}</${Loaded}>
  </${Panel}>`;
}

function Shown({ shown, measure }) {
  const x = useMemo(() => secondsOf(shown.starts), [shown]);
  const series = useMemo(() => linesOf(shown, measure), [shown, measure]);
  const { pictures, anomalies, ratio } = shown.overall;
  const format = measure === "ratio" ? (value) => percent(value, 0) : (value) => count(value);
  const formatX = (value) => (shown.unit === "hour" ? HOUR : DAY).format(new Date(value * 1000));
  const name = MEASURES.find(([one]) => one === measure)[1];
  return html`<div class="dashboard-figures">
      <${Figure} name="Pictures and videos" value=${count(pictures)} />
      <${Figure} name="Damaged" value=${count(anomalies)} />
      <${Figure} name="Share damaged" value=${percent(ratio)} hint=${pictures ? `${count(pictures - anomalies)} whole` : undefined} />
    </div>
    ${
      pictures
        ? html`<${Chart} title=${`${name}, by ${shown.unit} and project`} x=${x} series=${series} time=${true} min=${0} max=${measure === "ratio" ? 1 : undefined}
            xName=${shown.unit === "hour" ? "Hour" : "Day"} format=${format} formatX=${formatX} />`
        : html`<p class="muted">Nothing was looked at in this time. What <${Link} to="/watches">watches</${Link}> bring is counted here, and what programs send to be kept.</p>`
    }`;
}
