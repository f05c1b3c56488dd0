/** What of a dataset is shown, as it stands in the address; and the words for it. */

/** Words for the kinds of problems that a check finds. */
export const PROBLEMS = {
  "label-doubt": "Likely label error",
  "two-labels": "Same picture with two labels",
  "near-two-labels": "Same photo with two labels",
  unreadable: "Cannot be read",
  missing: "Missing from its bucket",
  tiny: "Too small",
  pages: "Animation or several pages",
  duplicates: "Exact copies",
  "near-duplicates": "Nearly the same photo",
  "split-leak": "In training and test",
  unlabelled: "Not labelled",
  "bad-place": "Box or mask does not fit",
};

/** Words for how far labels are. */
export const STATES = {
  to_review: "To be reviewed",
  accepted: "Accepted by a second person",
  adjusted: "Corrected by a second person",
  sent_back: "Sent back",
};

/** Orders with their words. */
export const ORDERS = [
  ["newest", "Newest first"],
  ["oldest", "Oldest first"],
  ["doubt", "Most doubtful labels first"],
  ["check", "Copies together"],
];

/** Name of a kind of problem. */
export const problemName = (kind) => PROBLEMS[kind] ?? kind.replaceAll("-", " ");

/**
 * What is shown, from the address.
 * @param {URLSearchParams} query
 * @returns {{kind: "train"|"test", label: string|null, flag: string|null, contains: string, state: string|null, drawn: string|null, order: string}}
 */
export function filtersOf(query) {
  const order = query.get("order");
  return {
    kind: query.get("kind") === "test" ? "test" : "train",
    label: oneOf(query.get("label"), ["normal", "anomaly", "none", "any"]),
    flag: /^[a-z-]{1,24}$/.test(query.get("flag") ?? "") ? query.get("flag") : null,
    contains: (query.get("contains") ?? "").slice(0, 200),
    state: oneOf(query.get("state"), ["unlabelled", ...Object.keys(STATES)]),
    drawn: oneOf(query.get("drawn"), ["true", "false"]),
    order: ORDERS.some(([one]) => one === order) ? order : "newest",
  };
}

/** The same as parameters of the API. */
export function asParameters({ label, flag, contains, state, drawn, order }) {
  return { label, flag, contains, state, drawn, order: order === "newest" ? null : order };
}

/** Whether anything but the kind and order is asked for. */
export const isFiltered = ({ label, flag, contains, state, drawn }) => Boolean(label || flag || contains || state || drawn);

function oneOf(value, allowed) {
  return allowed.includes(value) ? value : null;
}
