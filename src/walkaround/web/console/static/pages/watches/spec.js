/** Between the form of a watch and its spec in the API. No page needed. */

/** Where a watch looks, with what is to be written. */
export const SOURCES = [
  ["bucket", "A bucket, looked at again and again"],
  ["events", "Events that are sent to this server"],
  ["sqs", "A queue of SQS"],
];

/** What a new watch begins as. */
export const EMPTY = {
  name: "",
  source: "bucket",
  address: "",
  rules: [{ prefix: "", model: "" }],
  exclude: "",
  frames: "chosen",
  atMost: "24",
  every: "5",
  capturedBucket: "",
  sinks: [],
  keepDays: "",
  pollSeconds: "2",
};

/**
 * The form that shows a spec.
 * @param {any} spec of the API.
 */
export function formOf(spec) {
  const [scheme, rest] = spec.source.includes("://") ? spec.source.split(/:\/\/(.*)/s) : [spec.source, ""];
  const kind = scheme === "events" ? "events" : ["sqs", "http", "https"].includes(scheme) ? "sqs" : "bucket";
  return {
    ...EMPTY,
    name: spec.name,
    source: kind,
    address: kind === "events" ? "" : kind === "sqs" && scheme === "sqs" ? rest : spec.source,
    rules: spec.rules.map((rule) => ({ ...rule })),
    exclude: (spec.exclude ?? []).join("\n"),
    frames: spec.frames.kind,
    atMost: String(spec.frames.at_most),
    every: String(spec.frames.every ?? EMPTY.every),
    capturedBucket: spec.frames.bucket ?? "",
    sinks: spec.sinks.map((sink) => ({ ...sink })),
    keepDays: spec.keep_days ? String(spec.keep_days) : "",
    pollSeconds: String(spec.poll_seconds ?? EMPTY.pollSeconds),
  };
}

/**
 * The spec that a form asks for.
 * @param {typeof EMPTY} form
 * @param {any} [former] the spec before: what the form does not show stays.
 */
export function specOf(form, former = {}) {
  return {
    ...former,
    name: form.name.trim(),
    source: sourceOf(form),
    rules: form.rules.map(({ prefix, model }) => ({ prefix: prefix.trim(), model })),
    exclude: form.exclude.split("\n").map((line) => line.trim()).filter(Boolean),
    frames: framesOf(form, former.frames),
    sinks: form.sinks,
    keep_days: form.keepDays ? Number(form.keepDays) : null,
    poll_seconds: Number(form.pollSeconds) || 2,
  };
}

/**
 * What is wrong with a form, by the name of its part; what only the server can know, it says itself.
 * @param {typeof EMPTY} form
 * @returns {Record<string, string>}
 */
export function problemsOf(form) {
  const found = {};
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_-]{2,62}$/.test(form.name.trim())) found.name = "3 to 63 letters, digits, hyphens and underscores.";
  if (form.source === "bucket" && !/^(s3|gs|az):\/\/[^/]+/.test(form.address.trim()) && !form.address.trim().startsWith("/")) found.address = "Write s3://BUCKET/PREFIX, gs:// or az://.";
  if (form.source === "sqs" && !form.address.trim()) found.address = "Write the name of the queue.";
  if (form.rules.some((rule) => !rule.model)) found.rules = "Choose a model for each rule.";
  if (form.sinks.some((sink) => !(sink.bucket || sink.table || sink.url))) found.sinks = "Say where each copy goes, or take it away.";
  return found;
}

/** A sink of a kind, before it is filled in. */
export function emptySink(kind) {
  if (kind === "bucket") return { kind, bucket: "", prefix: "", drawn: false };
  return kind === "dynamodb" ? { kind, table: "" } : { kind, url: "" };
}

/** A sink in words. */
export function sinkName(sink) {
  if (sink.kind === "bucket") return `JSON${sink.drawn ? " and drawings" : ""} to s3://${sink.bucket}/${sink.prefix}`;
  return sink.kind === "dynamodb" ? `items to the table ${sink.table}` : `requests to ${sink.url}`;
}

function sourceOf(form) {
  if (form.source === "events") return "events";
  const address = form.address.trim();
  return form.source === "sqs" && !address.includes("://") ? `sqs://${address}` : address;
}

function framesOf(form, former) {
  const atMost = Math.max(1, Number(form.atMost) || 1);
  if (form.frames === "chosen") return { kind: "chosen", at_most: atMost };
  const kept = former?.kind === "captured" ? former : {};
  return { ...kept, kind: "captured", every: Number(form.every) || 5, at_most: atMost, bucket: form.capturedBucket.trim() || null };
}
