/** The rows of a gallery: asked for as they come into view, some hundred at a time, and kept. */

import { useEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { at, get } from "../../api.js";
import { failed } from "../../ui/toast.js";

const AT_ONCE = 120;
const AHEAD = 40;
const PAUSE_MS = 40;

/**
 * Rows by id, of which those that are in view are read.
 * @param {string} project
 * @param {string} kind train or test.
 * @param {object[]} first rows that are known already; with other ones all is forgotten.
 * @returns {{rows: Map<number, object>, version: number, want: (seen: number[], ahead?: number[]) => void, change: (ids: Iterable<number>, values: object) => void}}
 */
export function useRows(project, kind, first) {
  const [version, redraw] = useState(0);
  const rows = useMemo(() => new Map((first ?? []).map((row) => [row.id, row])), [first]);
  const asked = useMemo(() => new Set(), [first]);
  const timer = useRef(0);
  const wanted = useRef([]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const read = async () => {
    const missing = wanted.current.filter((id) => !rows.has(id) && !asked.has(id));
    for (let start = 0; start < missing.length; start += AT_ONCE) {
      const ids = missing.slice(start, start + AT_ONCE);
      ids.forEach((id) => asked.add(id));
      try {
        const told = await get(at`/projects/${project}/datasets/${kind}/gallery/rows`, { ids: ids.join(",") });
        for (const row of told.rows) rows.set(row.id, row);
      } catch (problem) {
        ids.forEach((id) => asked.delete(id));
        failed(problem);
        return;
      }
      redraw((count) => count + 1);
    }
  };
  const want = (ids, ahead = []) => {
    wanted.current = [...ids, ...ahead];
    const missing = (some) => some.filter((id) => !rows.has(id) && !asked.has(id)).length;
    if (!missing(ids) && missing(ahead) < AHEAD) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(read, PAUSE_MS);
  };
  const change = (ids, values) => {
    for (const id of ids) if (rows.has(id)) rows.set(id, { ...rows.get(id), ...values });
    redraw((count) => count + 1);
  };
  return { rows, version, want, change };
}
