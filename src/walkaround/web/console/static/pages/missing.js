/** An address that leads nowhere. */

import { html } from "../vendor/preact.js";
import { Link } from "../router.js";
import { Page } from "../ui/page.js";
import { Empty } from "../ui/state.js";

/** The page. */
export default function Missing() {
  return html`<${Page} title="There is nothing here">
    <${Empty} icon="results" title="This address leads nowhere"><p>It may be mistyped, or what it showed was deleted. <${Link} to="/">To the dashboard</${Link}></p></${Empty}>
  </${Page}>`;
}
