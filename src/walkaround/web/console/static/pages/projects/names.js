/** Names of projects. */

const LONGEST = 255;

/** The nearest name that the server takes, such as "Fleet-2024" for "Fleet 2024"; "" where nothing is left. */
export function projectName(typed) {
  return typed
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/ß/g, "ss")
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^[-_]+|-+$/g, "")
    .slice(0, LONGEST);
}

/** The first of "cars", "cars-2", "cars-3" … that is not taken. */
export function freeName(wanted, taken) {
  const names = new Set(taken);
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!names.has(name)) return name;
  }
}
