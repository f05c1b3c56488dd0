/** Saving what an operation answers as a file, of any size. */

import { Problem } from "../../api.js";

/**
 * Have the browser save an answer; what the server refuses is told here, and not saved.
 * @param {string} source address of the operation.
 * @throws {Problem}
 */
export async function download(source) {
  const looking = new AbortController();
  const answer = await fetch(source, { credentials: "same-origin", signal: looking.signal });
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Problem(answer.status, told.detail ?? `The server answered with the status ${answer.status}.`, told);
  }
  looking.abort(); // it would have been read into memory; the browser asks again, and writes it to disk
  const link = document.body.appendChild(Object.assign(document.createElement("a"), { href: source, download: "" }));
  link.click();
  link.remove();
}
