/** The pictures of a trial as the server tells them, all of them, and what is said of them here. */

import { useCallback, useEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { at, get } from "../../api.js";
import { user } from "../../session.js";
import { failed } from "../../ui/toast.js";
import { Outbox } from "./outbox.js";
import { saidOf, withVerdict } from "./queue.js";

/**
 * The pictures of a trial, the least sure first; pages follow each other, and what is there is shown.
 * @param {string} project
 * @param {string} trial
 * @returns {{pictures: any[]|null, problem: Error|null, reload: () => Promise<void>, verify: (picture: string, said: object) => void,
 *   undo: () => string|null, undoable: number, saving: number, latest: () => any[]}} `verify` shows at once what it then saves; `undo` gives the
 *   picture that it changed; `latest`: the pictures as they are, drawn or not.
 */
export function usePictures(project, trial) {
  const [state, setState] = useState({ pictures: null, problem: null });
  const [saving, setSaving] = useState(0);
  const past = useRef([]);
  const current = useRef(null);
  const touched = useRef(new Map()); // what was said while the list was being read, and how the picture was before
  const show = useCallback((pictures) => {
    current.current = pictures;
    setState({ pictures, problem: null });
  }, []);
  const put = (one) => show(current.current.map((other) => (other.picture === one.picture ? one : other)));
  const refused = (picture, problem) => {
    const former = touched.current.get(picture);
    if (former) put(former);
    touched.current.delete(picture);
    failed(problem);
  };
  const outbox = useMemo(() => new Outbox(project, trial, { onChange: setSaving, onRefused: refused }), [project, trial]);

  const reload = useCallback(async () => {
    await outbox.empty; // what is on its way is not to be shown as it was before
    touched.current.clear();
    try {
      const found = await all(project, trial, (some) => current.current === null && show(some));
      show(found.map((one) => (touched.current.has(one.picture) ? keptVerdict(one, current.current) : one)));
    } catch (problem) {
      setState((former) => ({ ...former, problem }));
    }
  }, [outbox]);
  useEffect(() => {
    reload();
  }, [reload]);

  const save = (picture, said) => {
    const former = current.current.find((one) => one.picture === picture);
    if (!touched.current.has(picture)) touched.current.set(picture, former);
    put(withVerdict(former, said, user.value ? `user:${user.value}` : "keyless"));
    outbox.put({ picture, label: said.label, kinds: said.kinds ?? [], places: said.places ?? null });
    return former;
  };
  const verify = (picture, said) => {
    past.current.push({ picture, said: saidOf(save(picture, said)) });
  };
  const undo = () => {
    const last = past.current.pop();
    if (!last) return null;
    save(last.picture, last.said);
    return last.picture;
  };
  return { ...state, reload, verify, undo, undoable: past.current.length, saving, latest: () => current.current };
}

function keptVerdict(one, shown) {
  const mine = shown.find((other) => other.picture === one.picture);
  return mine ? withVerdict(one, saidOf(mine), mine.verified_by) : one;
}

async function all(project, trial, onFirst) {
  const found = [];
  for (let next; ; ) {
    const page = await get(at`/projects/${project}/trials/${trial}/pictures`, { order: "unsure", limit: 100, next });
    found.push(...page.pictures);
    onFirst([...found]);
    next = page.next;
    if (!next) return found;
  }
}
