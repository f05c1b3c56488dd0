/** The results: searched by filters that stand in the address, the newest first, reviewed and exported. */

import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { address, get } from "../api.js";
import { plural, when } from "../formats.js";
import { Link, query } from "../router.js";
import { may } from "../session.js";
import { Button } from "../ui/button.js";
import { Menu } from "../ui/menu.js";
import { Page } from "../ui/page.js";
import { Empty, Failed, Loading } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { Filters } from "./results/filters.js";
import { Removal } from "./results/removal.js";
import { Rows } from "./results/rows.js";
import { Selected } from "./results/selected.js";
import { download } from "./results/download.js";
import { filtersOf, wantedOf } from "./results/wanted.js";

export const styles = await styled(import.meta.url);

const PAGE = 50;
const MOST_EMPTY = 10;
const FORMATS = { csv: "CSV, for a spreadsheet", parquet: "Parquet, for a data lake" };
const WAYS = "walkaround.results";

/** @param {{project?: string}} properties `project`: where the view is of one. */
export default function Results({ project }) {
  const filters = filtersOf(query.value, project);
  const asked = JSON.stringify(filters);
  const wanted = useMemo(() => wantedOf(filters), [asked]);
  const found = useSearch(wanted, asked);
  const [chosen, setChosen] = useState(new Set());
  const [removing, setRemoving] = useState(false);
  const labels = useRef(new Set());
  useEffect(() => setChosen(new Set()), [asked]);
  for (const one of found.results) labels.current.add(one.label);
  useEffect(() => {
    const back = location.pathname.replace("/console", "") + location.search;
    sessionStorage.setItem(WAYS, JSON.stringify({ ids: found.results.map((one) => one.id), back }));
  }, [found.results]);
  const again = async () => {
    setChosen(new Set());
    await found.reload();
  };
  const exports = Object.entries(FORMATS).map(([format, name]) => ({ name, act: () => download(address("/results/export", { ...wanted, format })) }));
  const actions = html`<${Menu} label="Export" icon="download" items=${exports} />
    ${project && may("manage") && html`<${Button} kind="quiet" icon="trash" onPress=${() => setRemoving(true)}>Delete old ones</${Button}>`}`;
  const selected = found.results.filter((one) => chosen.has(one.id));
  return html`<${Page} title=${project ? `Results of ${project}` : "All results"} lead="What models found in pictures and videos, the newest first." actions=${actions}>
    <${Filters} filters=${filters} project=${project} labels=${[...labels.current]} />
    ${removing && html`<${Removal} project=${project} onClose=${() => setRemoving(false)} onDone=${again} />`}
    ${selected.length > 0 && html`<${Selected} results=${selected} onDone=${again} onClear=${() => setChosen(new Set())} />`}
    <${Found} found=${found} project=${project} chosen=${chosen} onChoose=${setChosen} narrowed=${Object.keys(wanted).some((name) => !(name === "project" && project))} />
  </${Page}>`;
}

function Found({ found, project, chosen, onChoose, narrowed }) {
  const { results, next, loading, problem, last } = found;
  return html`
    ${results.length > 0 && html`<${Rows} results=${results} project=${project} chosen=${chosen} onChoose=${onChoose} selectable=${may("manage")} />`}
    ${problem && html`<${Failed} problem=${problem} onRetry=${found.reload} />`}
    ${loading && html`<${Loading} text=${results.length ? "Searching on …" : "Searching …"} />`}
    ${!loading && !problem && !results.length && !next && (narrowed ? html`<${Nothing} />` : html`<${NoneYet} />`)}
    ${!loading && next && html`<div class="more"><${Button} onPress=${found.more}>${results.length ? "Show more" : "Search further back"}</${Button}></div>`}
    <p class="unseen" role="status">${loading ? "" : `${plural(results.length, "result")} shown${last ? `, back to ${when(last)}` : ""}.`}</p>
  `;
}

function Nothing() {
  return html`<${Empty} icon="results" title="No result fits"><p>Take a filter away, or look at a longer time.</p></${Empty}>`;
}

function NoneYet() {
  return html`<${Empty} icon="results" title="There are no results yet">
    <p>Results come from <${Link} to="/watches">watches</${Link}>, which look at every photo that is put in some place, and from programs that send photos here and have what was found kept. To look at a few photos yourself, open a <${Link} to="/projects">project</${Link}> and choose <em>Try</em>.</p>
  </${Empty}>`;
}

/** The pages of a search, one after the other; what is rare takes several, of which some are empty. */
function useSearch(wanted, asked) {
  const [state, setState] = useState({ results: [], next: null, loading: true, problem: null });
  const turn = useRef(null);
  const load = async (former, token) => {
    turn.current?.abort();
    const mine = (turn.current = new AbortController());
    setState({ results: former, next: token, loading: true, problem: null });
    try {
      let results = former;
      let next = token;
      for (let tries = 0; tries < MOST_EMPTY; tries++) {
        const page = await get("/results", { ...wanted, limit: PAGE, next }, { signal: mine.signal });
        results = [...results, ...page.results];
        next = page.next;
        if (!next || results.length - former.length >= PAGE / 2) break;
      }
      if (turn.current === mine) setState({ results, next, loading: false, problem: null });
    } catch (problem) {
      if (turn.current === mine && problem.name !== "AbortError") setState({ results: former, next: token, loading: false, problem });
    }
  };
  useEffect(() => {
    load([], null);
    return () => turn.current?.abort();
  }, [asked]);
  return { ...state, last: state.results.at(-1)?.created, reload: () => load([], null), more: () => load(state.results, state.next) };
}
