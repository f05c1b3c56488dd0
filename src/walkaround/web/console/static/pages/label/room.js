/** From one picture to the next: what is shown meanwhile, and what is counted. */

import { say } from "../../ui/toast.js";
import { signal } from "../../vendor/preact.js";

/**
 * @param {{desk: object, queue: ReturnType<typeof import("./queue.js").makeQueue>, onLeave: (entry: object) => void, onOpen: (picture: string) => void}} parts
 *   `onLeave` is told of each picture that is left, `onOpen` of each that is shown.
 */
export function makeRoom({ desk, queue, onLeave, onOpen }) {
  const phase = signal("loading"); // loading, working, end, failed
  const problem = signal(null);
  const counts = signal(null);
  let asked = 0;

  /** Show what a question to the queue gives; of several that were asked quickly, the last. */
  async function show(question, { backwards = false } = {}) {
    const mine = ++asked;
    if (desk.entry.value) onLeave(desk.entry.value);
    try {
      const entry = await question();
      if (mine !== asked) return;
      if (!entry && backwards && phase.value === "working") {
        say("This is the first picture.");
      } else if (!entry) {
        if (desk.entry.value && phase.value === "working") desk.open(null);
        phase.value = "end";
      } else {
        desk.open(entry);
        phase.value = "working";
        onOpen(entry.picture);
      }
    } catch (error) {
      if (mine !== asked) return;
      problem.value = error;
      phase.value = "failed";
    }
    recount();
  }

  function otherwiseNext(error) {
    if (error.status !== 404) throw error;
    return queue.restart();
  }

  function recount() {
    queue.counts().then((told) => (counts.value = told.counts), () => {}); // a number that is a little old does no harm
  }

  return {
    phase,
    problem,
    counts,
    /** Begin with a picture, or with the first that waits; also where that picture is not in the dataset any more. */
    start: (picture) => show(() => (picture ? queue.jump(picture).catch(otherwiseNext) : queue.next())),
    /** @param {"next"|"previous"} where */
    go: (where) => {
      if (where === "next") return show(queue.next);
      return show(phase.value === "end" ? queue.last : queue.previous, { backwards: true });
    },
    jump: (picture) => show(() => queue.jump(picture)),
    recount,
  };
}
