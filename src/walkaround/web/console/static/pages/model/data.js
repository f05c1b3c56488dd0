/** What the pages of models read: a version, its threshold, and all its test pictures, page after page. */

import { at, get } from "../../api.js";

const ROWS = 2000;

/** Path of a model below /api/v1. */
export const modelPath = (project, version) => at`/projects/${project}/models/${version}`;

/**
 * All test pictures of a model.
 * @param {string} project
 * @param {string} version
 * @param {AbortSignal} signal
 * @returns {Promise<{pictures: object[], total: number, classes: string[], normal: string[], threshold: number, trained_threshold: number, exact: boolean}>}
 */
export async function readTestPictures(project, version, signal) {
  const path = `${modelPath(project, version)}/test-pictures`;
  const first = await get(path, { limit: ROWS }, { signal });
  const pictures = [...first.pictures];
  for (let next = first.next; next; ) {
    const page = await get(path, { limit: ROWS, next }, { signal });
    pictures.push(...page.pictures);
    next = page.next;
  }
  return { ...first, pictures };
}

/**
 * A version with what is known of it; `tested` is null, and `why` says why, where no test pictures are known.
 * @returns {Promise<{model: object, point: object|null, tested: object|null, why: string}>}
 */
export async function readModel(project, version, signal) {
  const path = modelPath(project, version);
  const model = await get(path, {}, { signal });
  const known = (reading) =>
    reading.catch((problem) => {
      if (problem.status !== 409) throw problem;
      return problem;
    });
  const [point, tested] = await Promise.all([known(get(`${path}/threshold`, {}, { signal })), known(readTestPictures(project, model.version, signal))]);
  const missing = tested instanceof Error;
  return { model, point: point instanceof Error ? null : point, tested: missing ? null : tested, why: missing ? tested.message : "" };
}

/** Address of a test picture's bytes. */
export const pictureSource = (project, version, number, size) =>
  `/api/v1${modelPath(project, version)}/test-pictures/${number}/picture${size ? `?size=${size}` : ""}`;

/** What a picture is called: the last part of its address, shortened where that is a digest. */
export function pictureName(address) {
  const last = address.split("/").at(-1);
  return /^[0-9a-f]{64}\./.test(last) ? `${last.slice(0, 8)}…${last.slice(64)}` : last;
}
