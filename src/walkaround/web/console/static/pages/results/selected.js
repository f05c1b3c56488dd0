/** What can be done with many results at once: confirm, correct, add to a dataset. */

import { html, useState } from "../../vendor/preact.js";
import { at, finished, send } from "../../api.js";
import { plural } from "../../formats.js";
import { Button } from "../../ui/button.js";
import { say } from "../../ui/toast.js";

const AT_ONCE = 100;

/**
 * Tell the server what a person sees in results.
 * @param {{result: number, label: "normal"|"anomaly"|null, note?: string}[]} verdicts
 */
export const review = (verdicts) => send("POST", "/results/verdicts", { verdicts });

/** The label that the model's verdict stands for. */
export const labelOf = (result) => (result.anomalous ? "anomaly" : "normal");

/**
 * Add pictures of reviewed results to a dataset of their project, and wait until they are there.
 * @param {string} project
 * @param {number[]} results
 * @param {"train"|"test"} dataset
 * @returns {Promise<number>} how many pictures were added.
 */
export async function addToDataset(project, results, dataset) {
  let pictures = 0;
  for (let start = 0; start < results.length; start += AT_ONCE) {
    const added = await send("POST", at`/projects/${project}/results/add`, { results: results.slice(start, start + AT_ONCE), dataset });
    if (added.job) await finished(added.job);
    pictures += added.pictures;
  }
  return pictures;
}

/**
 * Add a frame of a video to the training pictures of its project, and wait until it is there.
 * @param {any} result of the video.
 * @param {number} time in seconds.
 * @param {"normal"|"anomaly"} label what a person sees in the frame.
 */
export async function addFrame(result, time, label) {
  const added = await send("POST", at`/projects/${result.project}/results/add`, { results: [result.id], frames: [{ time, label }] });
  if (added.job) await finished(added.job);
}

/**
 * A bar that is there while something is selected.
 * @param {{results: any[], onDone: () => unknown}} properties `results`: that are selected.
 */
export function Selected({ results, onDone, onClear }) {
  const [doing, setDoing] = useState("");
  const reviewAs = (label) => async () => {
    const verdicts = results.map((one) => ({ result: one.id, label: label ?? labelOf(one) }));
    for (let start = 0; start < verdicts.length; start += 1000) await review(verdicts.slice(start, start + 1000));
    say(`${plural(results.length, "result")} reviewed.`);
    await onDone();
  };
  const add = async () => {
    const projects = Map.groupBy ? Map.groupBy(results, (one) => one.project) : grouped(results);
    setDoing("Adding to the training pictures …");
    try {
      let pictures = 0;
      for (const [project, some] of projects) pictures += await addToDataset(project, some.map((one) => one.id), "train");
      say(`${plural(pictures, "picture")} added to the training pictures.`);
      await onDone();
    } finally {
      setDoing("");
    }
  };
  const open = results.filter((one) => !one.verdict).length;
  const videos = results.some((one) => "duration" in one.findings);
  const why = videos ? "Of a video, frames are added on its own page." : open ? `${plural(open, "is", "are")} not reviewed yet: review first, so that the labels are known.` : "";
  return html`<div class="selected" role="region" aria-label="Selected results">
    <strong aria-live="polite">${plural(results.length, "result")} selected</strong>
    <${Button} icon="review" onPress=${reviewAs(null)}>The model is right</${Button}>
    <${Button} icon="damaged" onPress=${reviewAs("anomaly")}>They are damaged</${Button}>
    <${Button} icon="whole" onPress=${reviewAs("normal")}>They are whole</${Button}>
    <${Button} icon="plus" disabled=${Boolean(why)} title=${why} onPress=${add}>Add to training pictures</${Button}>
    <${Button} kind="quiet" icon="close" onPress=${onClear}>Clear selection</${Button}>
    ${(doing || why) && html`<p class="small muted" role="status">${doing || why}</p>`}
  </div>`;
}

function grouped(results) {
  const found = new Map();
  for (const one of results) found.set(one.project, [...(found.get(one.project) ?? []), one]);
  return found;
}
