/** A video with its findings on the timeline: the video itself, or the frames that were looked at, one by one. */

import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { labelName, percent } from "../../formats.js";
import { may } from "../../session.js";
import { Button } from "../../ui/button.js";
import { Choice } from "../../ui/field.js";
import { Icon } from "../../ui/icon.js";
import { useKeys } from "../../ui/keys.js";
import { Picture } from "../../ui/picture.js";
import { Note, Verdict } from "../../ui/state.js";
import { say } from "../../ui/toast.js";
import { addFrame } from "../results/selected.js";
import { clock, following, nearest, placed, shownAt } from "./timeline.js";

/** @param {{result: any, name: string}} properties */
export function Video({ result, name }) {
  const { findings } = result;
  const frames = findings.frames_found ?? [];
  const [how, setHow] = useState("video");
  const [unplayable, setUnplayable] = useState(false);
  const [time, setTime] = useState(findings.strongest_time ?? 0);
  const player = useRef(null);
  const index = Math.max(0, frames.indexOf(nearest(frames, time)));
  const seek = (to) => {
    setTime(to);
    if (player.current) player.current.currentTime = to;
  };
  const go = (step, damaged) => () => frames.length && seek(frames[following(frames, index, step, { damaged })].time ?? 0);
  useKeys({ ArrowRight: go(1, false), ArrowLeft: go(-1, false), ".": go(1, true), ",": go(-1, true) });
  const cannot = () => {
    setUnplayable(true);
    setHow("frames");
  };
  return html`<div class="video">
    ${unplayable && html`<${Note} kind="info">This browser cannot play the video, or it is no longer where it was. Its frames are shown where they can still be read.</${Note}>`}
    ${
      how === "video"
        ? html`<${Played} result=${result} name=${name} frames=${frames} time=${time} player=${player} onTime=${setTime} onCannot=${cannot} />`
        : html`<${Frame} result=${result} name=${name} frame=${frames[index]} />`
    }
    <${Timeline} frames=${frames} spans=${result.spans} duration=${findings.duration} time=${time} onSeek=${seek} />
    <div class="row video-choices">
      <${Choice} label="What is shown" value=${how} options=${[["video", "Video"], ["frames", "Frames looked at"]]} onChange=${setHow} />
      <${Button} icon="left" onPress=${go(-1, true)} aria-keyshortcuts=",">Damage before <kbd>,</kbd></${Button}>
      <${Button} icon="right" onPress=${go(1, true)} aria-keyshortcuts=".">Damage after <kbd>.</kbd></${Button}>
      <span class="muted small">${clock(time)} of ${clock(findings.duration)}</span>
    </div>
    <${Spans} spans=${result.spans} onSeek=${seek} />
  </div>`;
}

/** The video, with the boxes of the frame that is shown laid over it. */
function Played({ result, name, frames, time, player, onTime, onCannot }) {
  const { findings } = result;
  const begin = useRef(time);
  useEffect(() => {
    const element = player.current;
    const start = () => {
      element.currentTime = begin.current;
    };
    element.addEventListener("loadedmetadata", start, { once: true });
    return () => {
      element.pause();
      player.current = null;
    };
  }, []);
  const boxes = shownAt(frames, time)?.boxes ?? [];
  return html`<div class="played" style=${{ aspectRatio: `${findings.width} / ${findings.height}` }}>
    <video ref=${player} src=${result.video} poster=${`${result.picture}&size=1024`} controls playsinline preload="metadata" aria-label=${name}
      onTimeUpdate=${(event) => onTime(event.currentTarget.currentTime)} onError=${onCannot}></video>
    ${
      boxes.length > 0 &&
      html`<svg viewBox="0 0 ${findings.width} ${findings.height}" aria-hidden="true">
        ${boxes.map(({ box: [left, top, right, bottom] }, index) => html`<rect key=${index} x=${left} y=${top} width=${right - left} height=${bottom - top} />`)}
      </svg>`
    }
  </div>`;
}

function Frame({ result, name, frame }) {
  const { findings, id } = result;
  if (!frame) return html`<${Note}>No frame of the video was kept in mind.</${Note}>`;
  const time = frame.time ?? 0;
  const add = (label) => async () => {
    await addFrame(result, time, label);
    say(`The frame at ${clock(time)} is among the training pictures, as ${labelName(label)}.`);
  };
  return html`<${Picture} key=${time} source=${`/api/v1/results/${id}/frame?time=${time}&size=1024`} name=${`${name} at ${clock(time)}`}
      width=${findings.width} height=${findings.height} boxes=${frame.boxes ?? []} />
    <div class="row frame-said">
      <span aria-live="polite"><${Verdict} damaged=${frame.anomalous} /> ${percent(frame.confidence, 0)} sure at ${clock(time)}</span>
      ${
        may("manage") &&
        html`<${Button} icon="plus" onPress=${add("anomaly")}>Add to training pictures as damaged</${Button}>
          <${Button} icon="plus" onPress=${add("normal")}>… as whole</${Button}>`
      }
    </div>`;
}

/** All frames as ticks, damaged stretches as bars; a click or a key goes there. */
function Timeline({ frames, spans, duration, time, onSeek }) {
  const at = (event) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    onSeek(Math.max(0, Math.min(duration, ((event.clientX - left) / width) * duration)));
  };
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? duration : step ? time + step : null;
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    onSeek(Math.max(0, Math.min(duration, to)));
  };
  return html`<div class="timeline" role="slider" tabindex="0" aria-label="Moment of the video" aria-valuemin="0" aria-valuemax=${duration} aria-valuenow=${time}
    aria-valuetext=${`${clock(time)} of ${clock(duration)}`} onClick=${at} onKeyDown=${move}>
    ${spans.map((span, index) => html`<span key=${index} class="span" style=${sized(placed(span, duration))}></span>`)}
    ${frames.map((frame, index) => html`<span key=${index} class=${frame.anomalous ? "tick damaged" : "tick"} style=${{ left: `${((frame.time ?? 0) / duration) * 100}%` }}></span>`)}
    <span class="head" style=${{ left: `${(time / duration) * 100}%` }}></span>
  </div>`;
}

function Spans({ spans, onSeek }) {
  if (!spans.length) return html`<p class="muted">No stretch of the video looks damaged.</p>`;
  return html`<h3>Damaged stretches</h3>
    <ul class="spans">
      ${spans.map(
        (span, index) => html`<li key=${index}>
          <button type="button" class="button plain" onClick=${() => onSeek(span.start)}><${Icon} name="play" />${clock(span.start)}${span.end > span.start ? ` to ${clock(span.end)}` : ""}</button>
        </li>`,
      )}
    </ul>`;
}

const sized = ({ left, width }) => ({ left: `${left * 100}%`, width: `${width * 100}%` });
