/** Passwords as the server wants them, and one made up by the browser for somebody else. */

/** Characters that a password has at least; the server says the same. */
export const SHORTEST = 10;

const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"; // none that are taken for another one when read aloud
const GROUPS = 4;
const GROUP_LETTERS = 5;

/** A password that nobody guesses and that can be read to somebody, such as "k7wne-3hxpd-q2mza-vt8ru"; about 99 bits. */
export function madeUp() {
  const groups = Array.from({ length: GROUPS }, () => Array.from({ length: GROUP_LETTERS }, letter).join(""));
  return groups.join("-");
}

function letter() {
  const most = 256 - (256 % LETTERS.length);
  for (;;) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < most) return LETTERS[byte % LETTERS.length];
  }
}
