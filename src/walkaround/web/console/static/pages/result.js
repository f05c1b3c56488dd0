/** One result: the picture or video with what was found, what persons say of it, and the way to the results beside it. */

import { html } from "../vendor/preact.js";
import { at, get } from "../api.js";
import { go, Link } from "../router.js";
import { IconButton } from "../ui/button.js";
import { Loaded, useData } from "../ui/data.js";
import { useKeys } from "../ui/keys.js";
import { Page } from "../ui/page.js";
import { Note } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { Earlier } from "./result/earlier.js";
import { Answer, Origin } from "./result/facts.js";
import { DrawnPicture } from "./result/layers.js";
import { Person } from "./result/person.js";
import { Video } from "./result/video.js";

export const styles = await styled(import.meta.url);

const WAYS = "walkaround.results";

/** @param {{id: string}} properties number of the result. */
export default function Result({ id }) {
  const result = useData((signal) => get(at`/results/${id}`, {}, { signal }), [id]);
  const name = result.value ? result.value.source.split("/").pop() || result.value.source : `Result ${id}`;
  return html`<${Page} title=${name} lead=${`Result ${id}`} actions=${html`<${Ways} id=${Number(id)} project=${result.value?.project} />`}>
    <${Loaded} of=${result}>${(found) => html`<${Shown} result=${found} name=${name} onChange=${result.reload} />`}</${Loaded}>
  </${Page}>`;
}

function Shown({ result, name, onChange }) {
  return html`<div class="result">
    <div>
      <${Seen} result=${result} name=${name} />
      <${Earlier} result=${result} />
    </div>
    <div>
      <${Answer} result=${result} />
      <${Person} result=${result} onChange=${onChange} />
      <${Origin} result=${result} />
    </div>
  </div>`;
}

function Seen({ result, name }) {
  if (!result.picture) {
    return html`<${Note}>
      <p>The picture was sent to the server and not kept, so it cannot be shown. Pictures sent with <code>keep_picture=true</code> are kept with their results, and watches leave them where they arrive.</p>
    </${Note}>`;
  }
  return result.video ? html`<${Video} result=${result} name=${name} />` : html`<${DrawnPicture} result=${result} name=${name} />`;
}

/** Back to the list, and to the results before and after this one in it. */
function Ways({ id, project }) {
  const { ids = [], back = project ? at`/projects/${project}/results` : "/results" } = known();
  const index = ids.indexOf(id);
  const to = (step) => ids[index + step];
  const open = (step) => () => index >= 0 && to(step) && go(`/results/${to(step)}`, { replace: true });
  useKeys({ j: open(1), k: open(-1) });
  return html`<${Link} class="button plain" to=${back}>All results</${Link}>
    ${
      index >= 0 &&
      html`<${IconButton} icon="left" kind="plain" label="Result before (K)" disabled=${!to(-1)} onPress=${open(-1)} />
        <${IconButton} icon="right" kind="plain" label="Result after (J)" disabled=${!to(1)} onPress=${open(1)} />`
    }`;
}

function known() {
  try {
    return JSON.parse(sessionStorage.getItem(WAYS)) ?? {};
  } catch {
    return {};
  }
}
