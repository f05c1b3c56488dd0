/** Photos as phones take them, made fit for the server before they are sent: not too many pixels, and a format that it reads. */

const MOST_SIDE = 4096;
const MOST_BYTES = 8 * 1024 * 1024;
const LOOKED_AT_FROM = 2_500_000;
const READ = ["image/jpeg", "image/png"];
const QUALITY = 0.92;

/**
 * The size that a picture is sent in.
 * @param {number} width in pixels.
 * @param {number} height in pixels.
 * @param {number} most pixels of the longer side.
 * @returns {[number, number]}
 */
export function fittingSize(width, height, most = MOST_SIDE) {
  const scale = Math.min(1, most / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

/**
 * The file itself where the server takes it, else a JPEG of what it shows; the file itself too where the browser cannot read it.
 * @param {File} file
 * @returns {Promise<File>}
 */
export async function fitted(file) {
  if (READ.includes(file.type) && file.size < LOOKED_AT_FROM) return file;
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const fits = Math.max(bitmap.width, bitmap.height) <= MOST_SIDE && file.size <= MOST_BYTES;
    if (READ.includes(file.type) && fits) return file;
    return await redrawn(bitmap, file.name);
  } catch {
    return file; // the server says what is wrong with it
  }
}

async function redrawn(bitmap, name) {
  const [width, height] = fittingSize(bitmap.width, bitmap.height);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  return new File([blob], name.replace(/\.[^.]*$/, "") + ".jpg", { type: "image/jpeg" });
}
