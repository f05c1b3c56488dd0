/** Where pictures and videos come in: dropped, chosen, whole folders, or taken with the camera of a phone. */

import { html, useRef, useState } from "../../vendor/preact.js";
import { Icon } from "../../ui/icon.js";

const TAKEN = "image/*,video/*,.zip,.heic,.mkv";

/**
 * @param {{onFiles: (files: File[]) => void, compact?: boolean, disabled?: boolean}} properties `compact`: buttons alone.
 */
export function DropZone({ onFiles, compact = false, disabled = false }) {
  const [over, setOver] = useState(false);
  const depth = useRef(0);
  const give = (files) => files.length && onFiles(files);
  const dropped = async (event) => {
    event.preventDefault();
    depth.current = 0;
    setOver(false);
    if (!disabled) give(await filesOf(event.dataTransfer));
  };
  const move = (step) => (event) => {
    event.preventDefault();
    depth.current = Math.max(0, depth.current + step);
    setOver(depth.current > 0);
  };
  return html`<div
    class=${`drop-zone ${over ? "over" : ""} ${compact ? "compact" : ""}`}
    onDragEnter=${move(1)}
    onDragLeave=${move(-1)}
    onDragOver=${(event) => event.preventDefault()}
    onDrop=${dropped}
  >
    ${!compact && html`<${Icon} name="upload" /><p class="drop-hint">Drop photos or a video here</p>`}
    <div class="row">
      <${FilePicker} kind=${compact ? "plain" : "main"} icon="pictures" name="Choose files" accept=${TAKEN} multiple onFiles=${give} disabled=${disabled} />
      <${FilePicker} icon="try" name="Take a photo" accept="image/*" capture="environment" onFiles=${give} disabled=${disabled} />
      ${!compact && html`<${FilePicker} icon="watch" name="Choose a folder" folder onFiles=${give} disabled=${disabled} class="no-phone" />`}
    </div>
  </div>`;
}

function FilePicker({ name, icon, kind = "plain", folder = false, onFiles, disabled, class: more = "", ...others }) {
  const take = (event) => {
    onFiles([...event.currentTarget.files]);
    event.currentTarget.value = ""; // the same file may be chosen again
  };
  const more_ = folder ? { webkitdirectory: true, multiple: true } : {};
  return html`<label class=${`button ${kind} ${more} file-picker`} aria-disabled=${disabled}>
    <input type="file" class="unseen" onChange=${take} disabled=${disabled} ...${others} ...${more_} />
    <${Icon} name=${icon} />${name}
  </label>`;
}

/** The files of what was dropped, those in folders too. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(below))).flat();
}

async function below(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.filter((one) => !one.name.startsWith(".")).map(below))).flat();
}
