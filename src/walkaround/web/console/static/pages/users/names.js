/** Names of users. */

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/; // what the server takes

/**
 * A name that the server takes, before it is sent.
 * @param {string} name
 * @throws {Error} it is no such name: what it may have, and the nearest that is one.
 */
export function checkName(name) {
  if (NAME.test(name)) return;
  const nearest = nearestName(name);
  throw new Error(`“${name}” cannot be a name to sign in with: only letters without accents, digits and . _ @ + - may be in it${nearest ? `, as in ${nearest}` : ""}.`);
}

/** The nearest name that the server takes, such as "mia.klein" for "Mia Klein"; "" where nothing is left. */
function nearestName(typed) {
  return typed
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/ß/g, "ss")
    .trim()
    .replace(/\s+/g, ".")
    .replace(/[^A-Za-z0-9._@+-]/g, "")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 64)
    .toLowerCase();
}
