/** The watches: places that pictures and videos are put into, with what waits, what is lost, and why. */

import { html, useState } from "../vendor/preact.js";
import { get } from "../api.js";
import { query } from "../router.js";
import { may } from "../session.js";
import { Button } from "../ui/button.js";
import { Loaded, useData } from "../ui/data.js";
import { Page } from "../ui/page.js";
import { Empty } from "../ui/state.js";
import { styled } from "../ui/style_of_page.js";
import { WatchCard } from "./watches/card.js";
import { WatchForm } from "./watches/form.js";

export const styles = await styled(import.meta.url);

const EVERY_MS = 5000;

/** The page. */
export default function Watches() {
  const watches = useData((signal) => get("/watches", {}, { signal }), [], { every: EVERY_MS });
  const [form, setForm] = useState(null);
  const open = query.value.get("watch");
  const actions = may("manage") && html`<${Button} kind="main" icon="plus" onPress=${() => setForm({})}>New watch</${Button}>`;
  return html`<${Page} title="Watches" lead="Places that pictures and videos are put into: each is looked at once, by itself." actions=${actions}>
    <${Loaded} of=${watches}>
      ${({ watches: all }) =>
        all.length
          ? all.map((watch) => html`<${WatchCard} key=${watch.spec.name} watch=${watch} open=${open === watch.spec.name} onChange=${watches.reload} onEdit=${() => setForm({ watch })} />`)
          : html`<${Empty} icon="watch" title="Nothing is watched yet">
              <p>A watch looks at every picture and video that is put into a bucket, and keeps what it finds. Folders of the server are watched by its settings file.</p>
              ${may("manage") && html`<${Button} icon="plus" onPress=${() => setForm({})}>Make a watch</${Button}>`}
            </${Empty}>`}
    </${Loaded}>
    ${form && html`<${WatchForm} watch=${form.watch} onClose=${() => setForm(null)} onDone=${watches.reload} />`}
  </${Page}>`;
}
