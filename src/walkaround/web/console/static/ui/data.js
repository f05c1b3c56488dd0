/** What a view reads from the server, with its three states: not there yet, there, and not to be had. */

import { html, useCallback, useEffect, useRef, useState } from "../vendor/preact.js";
import { Failed, Loading } from "./state.js";

const PATIENCE_MS = 30_000;

/**
 * Read something, and again when `inputs` change; an answer that comes too late is thrown away.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} read
 * @param {unknown[]} inputs
 * @param {{every?: number}} [options] `every`: milliseconds after which it is read again, while the page is visible.
 * @returns {{value: T|undefined, problem: Error|null, loading: boolean, reload: () => Promise<void>, set: (value: T) => void}}
 */
export function useData(read, inputs, { every } = {}) {
  const [state, setState] = useState({ value: undefined, problem: null, loading: true });
  const newest = useRef(null);
  const asked = useRef(0); // when what is on its way was asked for; 0: nothing is
  const load = useCallback(async () => {
    newest.current?.abort();
    const mine = (newest.current = new AbortController());
    asked.current = Date.now();
    setState((former) => ({ ...former, loading: true }));
    try {
      const value = await read(mine.signal);
      if (newest.current === mine) setState({ value, problem: null, loading: false });
    } catch (problem) {
      if (newest.current === mine && problem.name !== "AbortError") setState((former) => ({ ...former, problem, loading: false }));
    } finally {
      if (newest.current === mine) asked.current = 0;
    }
  }, inputs);
  useEffect(() => {
    load();
    return () => newest.current?.abort();
  }, [load]);
  useEffect(() => {
    if (!every) return undefined;
    // What is on its way is waited for: of a server that takes longer than `every`, nothing would ever come.
    const due = () => document.visibilityState === "visible" && Date.now() - asked.current > PATIENCE_MS;
    const timer = setInterval(() => due() && load(), every);
    return () => clearInterval(timer);
  }, [load, every]);
  return { ...state, reload: load, set: (value) => setState({ value, problem: null, loading: false }) };
}

/**
 * Shows what was read, or that it is being read, or why it cannot be.
 * @param {{of: ReturnType<typeof useData>, children: (value: any) => any}} properties
 */
export function Loaded({ of, children }) {
  if (of.value !== undefined) {
    return html`${of.problem && html`<${Failed} problem=${of.problem} onRetry=${of.reload} />`}${children(of.value)}`;
  }
  if (of.problem) return html`<${Failed} problem=${of.problem} onRetry=${of.reload} />`;
  return html`<${Loading} />`;
}
