/** What the folders of dropped files say of their pictures; and into which requests many files are put. */

const WHOLE = "normal good ok okay whole intact undamaged clean healthy pass passed fine none nodamage notdamaged withoutdamage".split(" ");
const DAMAGED =
  "anomaly anomalous damaged damage defect defective bad broken fail failed dent scratch smash glassshatter doordent bumperdent taillamp headlamp crack rust hail".split(" ");
const LEFT_OUT = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i;
const PICTURE = /\.(jpe?g|png)$/i;
const ARCHIVE = /\.zip$/i;

/**
 * The label that the name of a folder stands for.
 * @param {string} name
 * @returns {"normal"|"anomaly"|null} null where it could be anything.
 */
export function labelOfFolder(name) {
  const plain = name.toLowerCase().replace(/[^a-z]/g, "");
  if (WHOLE.includes(plain)) return "normal";
  return DAMAGED.includes(plain) ? "anomaly" : null;
}

/**
 * Files by the folder that they lie in, without those that no one means to send.
 * @param {{file: File, path: string}[]} files `path` with slashes, the file's name last.
 * @returns {{folders: {name: string, files: File[], label: string|null}[], archives: File[], refused: {name: string, reason: string}[]}}
 */
export function sorted(files) {
  const folders = new Map();
  const archives = [];
  const refused = [];
  for (const { file, path } of files) {
    if (LEFT_OUT.test(path)) continue;
    if (ARCHIVE.test(file.name)) archives.push(file);
    else if (!PICTURE.test(file.name) && !["image/jpeg", "image/png"].includes(file.type)) {
      refused.push({ name: file.name, reason: "It is no JPEG or PNG picture, nor a zip archive of them." });
    } else if (file.size === 0) refused.push({ name: file.name, reason: "It is empty; copy it again." });
    else {
      const name = path.split("/").slice(0, -1).pop() ?? "";
      if (!folders.has(name)) folders.set(name, []);
      folders.get(name).push(file);
    }
  }
  const found = [...folders].map(([name, own]) => ({ name, files: own, label: name ? labelOfFolder(name) : null }));
  return { folders: found.sort((one, other) => one.name.localeCompare(other.name)), archives, refused };
}

/**
 * Files in parts of which each is one request.
 * @param {File[]} files
 * @param {{files: number, bytes: number}} atMost of one part; a larger file goes alone.
 * @returns {File[][]}
 */
export function parts(files, atMost) {
  const all = [];
  let size = Infinity;
  for (const file of files) {
    const now = all.at(-1);
    if (!now || now.length >= atMost.files || size + file.size > atMost.bytes) {
      all.push([file]);
      size = file.size;
    } else {
      now.push(file);
      size += file.size;
    }
  }
  return all;
}
