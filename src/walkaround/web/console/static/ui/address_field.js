/** Where something is in a bucket: the buckets that the server knows are offered, so that nobody has to know them by heart. */

import { html, useId } from "../vendor/preact.js";
import { get } from "../api.js";
import { useData } from "./data.js";
import { TextField } from "./field.js";

const OFFERED = 8; // names that are written out; all are offered while one types

/** An address such as s3://photos/2026/; what it takes is what a `TextField` takes. */
export function AddressField({ hint, ...others }) {
  const list = useId();
  const known = useData((signal) => get("/buckets", {}, { signal }), []);
  const names = known.value?.buckets ?? [];
  const more = names.length > OFFERED ? " …" : "";
  const told = names.length > 0 && ` Buckets known here: ${names.slice(0, OFFERED).join(", ")}${more}.`;
  return html`<${TextField} hint=${html`${hint}${told}`} list=${list} ...${others} />
    <datalist id=${list}>${names.map((name) => html`<option key=${name} value=${`s3://${name}/`}></option>`)}</datalist>`;
}
