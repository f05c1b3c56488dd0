/** A fixed colour for each class name, told apart by every kind of colour vision: the same as damage/colours.py gives. */

const FIXED = {
  scratch: "#F0E442",
  doordent: "#E69F00",
  dent: "#E69F00",
  bumperdent: "#D55E00",
  glassshatter: "#56B4E9",
  crack: "#56B4E9",
  taillamp: "#CC79A7",
  headlamp: "#009E73",
  lamp: "#009E73",
  smash: "#0072B2",
  broken: "#0072B2",
};
const TYPES = ["glassshatter", "doordent", "bumperdent", "taillamp", "headlamp", "smash", "scratch"];
const MORE = [
  ..."#0000BB #774444 #9966FF #551166 #AACCAA #7700EE #BB1188 #66FFAA #004400 #CCDDFF #886655 #006677 #CC33CC".split(" "),
  ..."#771144 #FFBB66 #BBAA77 #994400".split(" "),
];
const PALETTE = [...new Set(Object.values(FIXED)), ...MORE];

/** The colour of a class, whatever other classes there are, as "#RRGGBB". */
export function colourOf(name) {
  const plain = simplified(name) || name;
  return FIXED[plain] ?? MORE[crc32(new TextEncoder().encode(plain)) % MORE.length];
}

/**
 * Colours of classes that are shown together: each its own, `colourOf` it, unless another one has that already.
 * @param {Iterable<string>} names
 * @returns {Record<string, string>} name to "#RRGGBB".
 */
export function coloursOf(names) {
  const given = {};
  let free = [...PALETTE];
  for (const name of [...new Set(names)].sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1))) {
    if (!free.length) free = [...PALETTE];
    const ring = [...PALETTE.slice(PALETTE.indexOf(colourOf(name))), ...MORE, ...PALETTE];
    given[name] = ring.find((colour) => free.includes(colour));
    free.splice(free.indexOf(given[name]), 1);
  }
  return given;
}

/** Whether black reads better on a colour than white does (WCAG 2.2). */
export function isLight(colour) {
  const [red, green, blue] = [1, 3, 5].map((start) => {
    const part = parseInt(colour.slice(start, start + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
}

function simplified(name) {
  return name.toLowerCase().replaceAll("ß", "ss").replace(/[^\p{L}\p{N}]/gu, "");
}

function rank(name) {
  const plain = simplified(name);
  return TYPES.includes(plain) ? 0 : plain in FIXED ? 1 : 2;
}

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
