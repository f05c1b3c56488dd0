/** A gallery of any length: only the rows that are seen are in the page; arrows, Space and Shift work as in a file manager. */

import { html, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { count } from "../../formats.js";
import { all, extended, NONE, toggled } from "./selection.js";
import { pictureSource, Tile } from "./tile.js";
import { layout, moved, rowsSeen } from "./windowing.js";

const FAST_PIXELS_PER_MS = 6;
const SETTLED_MS = 90;
const ROWS_AHEAD = 12;

/**
 * The gallery.
 * @param {{project: string, kind: string, ids: number[], rows: Map<number, object>, version: number, size: string, selection: object, selectable: boolean, sticky: () => number,
 *   onWant: (seen: number[], ahead: number[]) => void, onSelect: (selection: object) => void, onOpen: (index: number) => void}} properties `version`: changes with `rows`; `selectable`: whether something can be done with those that are chosen; `sticky`: pixels at the top of the screen that something else covers.
 */
export function Gallery({ project, kind, ids, rows, version, size, selection, selectable, sticky, onWant, onSelect, onOpen }) {
  const root = useRef(null);
  const width = useWidth(root);
  const lies = layout({ width, count: ids.length, size });
  const [[first, last], fast] = useSeen(root, lies);
  const [active, setActive] = useState(0);
  const focus = useRef(false);
  const here = Math.min(active, Math.max(0, ids.length - 1));

  useEffect(() => {
    const some = (from, to) => ids.slice(Math.max(0, from) * lies.columns, to * lies.columns);
    if (!fast) onWant(some(first, last), [...some(last, last + ROWS_AHEAD), ...some(first - ROWS_AHEAD, first)]);
  }, [ids, first, last, fast, lies.columns]);
  const held = Boolean(root.current?.contains(document.activeElement));
  useLayoutEffect(() => {
    const lost = held && !root.current.contains(document.activeElement); // the tile went away: the one that took its place has the focus
    if (!focus.current && !lost) return;
    focus.current = false;
    root.current.querySelector(`[data-index="${here}"]`)?.focus({ preventScroll: true });
  });

  const reveal = (index) => {
    const row = Math.floor(index / lies.columns);
    const top = root.current.getBoundingClientRect().top + scrollY + row * lies.rowHeight;
    const above = scrollY + sticky() + 8;
    const below = scrollY + innerHeight - lies.rowHeight - 8;
    if (top < above) scrollTo({ top: top - sticky() - 8 });
    else if (top > below) scrollTo({ top: top - innerHeight + lies.rowHeight + 8 });
  };
  const go = (index) => {
    setActive(index);
    focus.current = true;
    reveal(index);
  };
  const press = (event) => {
    const page = Math.max(1, Math.floor((innerHeight - sticky()) / lies.rowHeight));
    const to = event.altKey || event.ctrlKey || event.metaKey ? null : moved(event.key, here, { columns: lies.columns, count: ids.length, page });
    if (to !== null) {
      if (event.shiftKey && selectable) onSelect(extended(selection.anchor === null ? { ...selection, anchor: here } : selection, ids, to));
      go(to);
    } else if (event.key === "Enter") onOpen(here);
    else if (!selectable) return;
    else if (event.key === " ") onSelect(event.shiftKey ? extended(selection, ids, here) : toggled(selection, ids, here));
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) onSelect(all(ids));
    else if (event.key === "Escape" && selection.chosen.size) onSelect(NONE);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const click = (event) => {
    const index = indexOf(event);
    if (index === null) return;
    const picked = event.target.closest(".pick");
    if (picked && event.target.tagName !== "INPUT") return; // the browser clicks the box in the label next
    setActive(index);
    if (!selectable) onOpen(index);
    else if (event.shiftKey) onSelect(extended(selection, ids, index));
    else if (picked || event.ctrlKey || event.metaKey) onSelect(toggled(selection, ids, index));
    else onOpen(index);
  };
  const entered = (event) => {
    const index = indexOf(event);
    if (index !== null) setActive(index);
  };
  const from = useCallback((row) => pictureSource(project, kind, row.picture, size === "large" ? 512 : 256), [project, kind, size]);
  const drawn = [...new Set([...Array.from({ length: last - first }, (_, at) => first + at), Math.floor(here / lies.columns)])];
  return html`<div
    ref=${root}
    class=${selectable ? "gallery" : "gallery to-look-at"}
    role="grid"
    aria-label=${`${count(ids.length)} pictures`}
    aria-rowcount=${lies.rows}
    aria-colcount=${lies.columns}
    aria-multiselectable=${selectable}
    style=${{ height: `${lies.height}px` }}
    onKeyDown=${press}
    onClick=${click}
    onFocusIn=${entered}
  >
    ${drawn
      .filter((row) => row < lies.rows)
      .sort((one, other) => one - other)
      .map(
        (row) => html`<${Row}
          key=${row}
          row=${row}
          lies=${lies}
          ids=${ids}
          rows=${rows}
          version=${version}
          chosen=${selection.chosen}
          active=${Math.floor(here / lies.columns) === row ? here : -1}
          fast=${fast}
          from=${from}
        />`,
      )}
  </div>`;
}

/** A row of tiles; it is drawn again only when something in it may have changed, and not while others scroll in. */
function Row({ row, lies, ids, rows, version, chosen, active, fast, from }) {
  const { columns, rowHeight } = lies;
  return useMemo(() => {
    const indices = Array.from({ length: Math.min(columns, ids.length - row * columns) }, (_, column) => row * columns + column);
    const style = { transform: `translateY(${row * rowHeight}px)`, height: `${rowHeight}px`, gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` };
    return html`<div role="row" aria-rowindex=${row + 1} class="gallery-row" style=${style}>
      ${indices.map((index) => {
        const told = rows.get(ids[index]);
        return html`<${Shown} key=${ids[index]} index=${index} row=${told} fast=${fast} source=${told ? from(told) : null} chosen=${chosen.has(ids[index])} active=${index === active} />`;
      })}
    </div>`;
  }, [row, columns, rowHeight, ids, rows, version, chosen, active, fast, from]);
}

function indexOf(event) {
  const index = event.target.closest?.(".tile")?.dataset.index;
  return index === undefined ? null : Number(index);
}

/** A tile that asks for its picture only when the reader does not rush by, and keeps it then. */
function Shown({ fast, source, ...others }) {
  const [shown, setShown] = useState(!fast);
  useEffect(() => {
    if (!fast) setShown(true);
  }, [fast]);
  return html`<${Tile} source=${shown ? source : null} ...${others} />`;
}

function useWidth(root) {
  const [width, setWidth] = useState(900);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    setWidth(Math.floor(root.current.getBoundingClientRect().width));
    watch.observe(root.current);
    return () => watch.disconnect();
  }, []);
  return width;
}

/** The rows that are seen, and whether the reader rushes by; told once a frame at most, and only when it changes. */
function useSeen(root, lies) {
  const [seen, setSeen] = useState([0, 8]);
  const [fast, setFast] = useState(false);
  const look = useCallback(() => {
    const { top } = root.current.getBoundingClientRect();
    const next = rowsSeen({ top: -top, bottom: innerHeight - top, rowHeight: lies.rowHeight, rows: lies.rows });
    setSeen((former) => (former[0] === next[0] && former[1] === next[1] ? former : next));
  }, [lies.rowHeight, lies.rows]);
  useLayoutEffect(look, [look]);
  useEffect(() => {
    let frame = 0;
    let settled = 0;
    let before = { at: performance.now(), y: scrollY };
    const scrolled = () => {
      frame ||= requestAnimationFrame((now) => {
        frame = 0;
        setFast(Math.abs(scrollY - before.y) / Math.max(1, now - before.at) > FAST_PIXELS_PER_MS);
        before = { at: now, y: scrollY };
        clearTimeout(settled);
        settled = setTimeout(() => setFast(false), SETTLED_MS);
        look();
      });
    };
    addEventListener("scroll", scrolled, { passive: true });
    addEventListener("resize", scrolled);
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(settled);
      removeEventListener("scroll", scrolled);
      removeEventListener("resize", scrolled);
    };
  }, [look]);
  return [seen, fast];
}
