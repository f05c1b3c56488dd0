/** Pictures that are larger than the server takes, made smaller in the browser before they are sent. */

const MOST_BYTES = 8 * 1024 * 1024;
const MOST_SIDE = 4096;
const LOOK_FROM_BYTES = 1_500_000;
const HEAD_BYTES = 512 * 1024;
const QUALITY = 0.92;
const FRAMES = [0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf];

/**
 * Width and height of a JPEG or PNG picture, from its first bytes.
 * @param {Uint8Array} bytes
 * @returns {[number, number]|null} null where they do not tell.
 */
export function sizeOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length > 24 && view.getUint32(0) === 0x89504e47) return [view.getUint32(16), view.getUint32(20)];
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1];
    if (FRAMES.includes(marker)) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return null;
}

/**
 * The picture itself where the server takes it, else a smaller JPEG of it under the same name.
 * @param {File} file
 * @returns {Promise<{file: File, reduced: boolean}>}
 */
export async function fitting(file) {
  if (file.size <= LOOK_FROM_BYTES) return { file, reduced: false };
  const size = sizeOf(new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()));
  if (size && Math.max(...size) <= MOST_SIDE && file.size <= MOST_BYTES) return { file, reduced: false };
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, MOST_SIDE / Math.max(picture.width, picture.height));
    const canvas = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
    return { file: new File([blob], file.name, { type: "image/jpeg" }), reduced: true };
  } catch {
    return { file, reduced: false }; // the server says what is wrong with it
  }
}
