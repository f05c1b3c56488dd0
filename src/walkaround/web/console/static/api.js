/** The REST API as the console calls it: problems as errors, requests that survive a restart of the server, progress of uploads. */

const PREFIX = "/api/v1";
const PATIENCE_MS = 20000;
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 2500;
const AWAY = [502, 503, 504];

/** What the server says went wrong (RFC 9457), or that it could not be reached (`status` 0). */
export class Problem extends Error {
  /**
   * @param {number} status HTTP status; 0 where no answer came.
   * @param {string} detail one sentence: what was wrong, and what to do.
   * @param {object} [document] the whole problem document.
   */
  constructor(status, detail, document = {}) {
    super(detail);
    this.status = status;
    this.document = document;
  }
}

let csrf = null;
let onSignedOut = () => {};
let renew = async () => false;

/** Set the token that every change is sent with, as the session told it; null without a session. */
export function useCsrf(token) {
  csrf = token;
}

/** Set what is done when the server no longer knows the caller. */
export function whenSignedOut(act) {
  onSignedOut = act;
}

/** Set what looks for a newer token, as after a sign-in in another tab; it says whether to try again. */
export function whenTokenIsOld(act) {
  renew = act;
}

/**
 * The address of an operation.
 * @param {string} path below /api/v1, such as `/projects`.
 * @param {Record<string, unknown>} [query] parameters; those that are null, undefined or "" are left out.
 * @returns {string}
 */
export function address(path, query = {}) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") parts.append(name, String(one));
    }
  }
  const text = parts.toString();
  return PREFIX + path + (text ? `?${text}` : "");
}

/** A path of several parts, each percent-encoded: at`/projects/${name}/models`. */
export function at(texts, ...values) {
  return texts.reduce((path, text, index) => path + encodeURIComponent(values[index - 1]) + text);
}

/**
 * Read something; tried again for a while where the server is away for a moment.
 * @param {string} path below /api/v1.
 * @param {Record<string, unknown>} [query]
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>} the JSON of the answer.
 * @throws {Problem}
 */
export async function get(path, query, { signal } = {}) {
  return body(await patiently(address(path, query), { signal }));
}

/**
 * Change something, once, however often it has to be sent.
 * @param {"POST"|"PUT"|"PATCH"|"DELETE"} method
 * @param {string} path below /api/v1.
 * @param {any} [sent] JSON, or a Blob.
 * @param {{query?: object, match?: string, headers?: object, signal?: AbortSignal}} [options] `match`: the version that was looked at (If-Match).
 * @returns {Promise<any>} the JSON of the answer; null where it has none.
 * @throws {Problem}
 */
export async function send(method, path, sent, { query, match, headers, signal } = {}) {
  const all = { "idempotency-key": crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, ...headers };
  if (match !== undefined && match !== null) all["if-match"] = `"${match}"`;
  let content;
  if (sent instanceof Blob) content = sent;
  else if (sent !== undefined) {
    all["content-type"] = "application/json";
    content = JSON.stringify(sent);
  }
  const attempt = () => patiently(address(path, query), { method, headers: { ...all, ...changing() }, body: content, signal });
  const answer = await attempt();
  return body(answer.status === 403 && (await renew()) ? await attempt() : answer);
}

/**
 * Send files, and tell how much has gone out.
 * @param {string} path below /api/v1.
 * @param {FormData|Blob} files
 * @param {{query?: object, onProgress?: (share: number) => void, signal?: AbortSignal}} [options] `share` goes from 0 to 1.
 * @returns {Promise<any>} the JSON of the answer.
 * @throws {Problem}
 */
export function upload(path, files, { query, onProgress = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of what it has sent
    request.open("POST", address(path, query));
    request.responseType = "text";
    for (const [name, value] of Object.entries(changing())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Problem(0, "The server cannot be reached. Check that it runs, and try again."));
    request.onabort = () => reject(new DOMException("The upload was stopped.", "AbortError"));
    request.onload = () => {
      const answer = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(answer);
      else reject(refused(request.status, answer));
    };
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(files);
  });
}

/**
 * Follow a job until it has ended; the connection is made again by itself after a restart of the server.
 * @param {string} job its handle.
 * @param {(job: any) => void} onProgress called with each state of it; `state` is due, running, done or failed.
 * @returns {() => void} stops following.
 */
export function follow(job, onProgress) {
  const source = new EventSource(`${PREFIX}/jobs/${encodeURIComponent(job)}/events`);
  source.addEventListener("progress", (event) => onProgress(JSON.parse(event.data)));
  source.addEventListener("end", () => source.close());
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return; // the browser is connecting again
    get(`/jobs/${encodeURIComponent(job)}`).then(onProgress, (problem) => onProgress({ job, state: "failed", error: problem.message }));
  };
  return () => source.close();
}

/**
 * Wait for a job.
 * @param {string} job its handle.
 * @param {(job: any) => void} [onProgress]
 * @returns {Promise<any>} the job when it is done.
 * @throws {Problem} it failed; `detail` says why.
 */
export function finished(job, onProgress = () => {}) {
  return new Promise((resolve, reject) => {
    const stop = follow(job, (state) => {
      onProgress(state);
      if (state.state !== "done" && state.state !== "failed") return;
      stop();
      if (state.state === "done") resolve(state);
      else reject(new Problem(0, state.error ?? "It did not work.", state));
    });
  });
}

function changing() {
  return csrf ? { "x-csrf-token": csrf } : {};
}

async function patiently(url, options) {
  const deadline = Date.now() + PATIENCE_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.6, LONGEST_PAUSE_MS)) {
    let answer = null;
    try {
      answer = await fetch(url, { credentials: "same-origin", ...options });
    } catch (problem) {
      if (problem.name === "AbortError") throw problem;
    }
    if (answer && !AWAY.includes(answer.status)) return answer;
    if (Date.now() + pause > deadline) {
      if (answer) return answer;
      throw new Problem(0, "The server cannot be reached. Check that it runs, and try again.");
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function body(answer) {
  const content = parsed(await answer.text());
  if (answer.ok) return content;
  throw refused(answer.status, content);
}

function refused(status, content) {
  if (status === 401) onSignedOut();
  const detail = content?.detail ?? content?.message ?? `The server answered with the status ${status}.`;
  return new Problem(status, detail, content ?? {});
}

function parsed(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
