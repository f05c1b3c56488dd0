/** Hundreds of files become requests of a size that a phone and a server manage, and can be sent again alone. */

const MOST_FILES = 20;
const MOST_BYTES = 40_000_000;
const PICTURES = /\.(jpe?g|png|webp|heic|heif|gif|bmp|avif|tiff?)$/i;
const VIDEOS = /\.(mp4|mov|m4v|mkv|webm|avi|mpe?g|3gp|ts)$/i;

/**
 * What a file is, by its type and name; its content is looked at by the server.
 * @param {{name: string, type?: string}} file
 * @returns {"picture"|"video"|"archive"|"other"}
 */
export function kindOfFile({ name, type = "" }) {
  if (type.startsWith("image/") || PICTURES.test(name)) return "picture";
  if (type.startsWith("video/") || VIDEOS.test(name)) return "video";
  return type.includes("zip") || /\.zip$/i.test(name) ? "archive" : "other";
}

/**
 * Files in groups, each for one request: pictures together, videos and archives alone.
 * @template {{name: string, type?: string, size: number}} T
 * @param {T[]} files
 * @returns {T[][]}
 */
export function batches(files) {
  const groups = [];
  let open = [];
  let bytes = 0;
  for (const file of files) {
    if (kindOfFile(file) !== "picture") {
      groups.push([file]);
      continue;
    }
    if (open.length === MOST_FILES || (open.length && bytes + file.size > MOST_BYTES)) {
      groups.push(open);
      open = [];
      bytes = 0;
    }
    open.push(file);
    bytes += file.size;
  }
  return open.length ? [...groups, open] : groups;
}
