/** The first page: the dashboard, or the welcome of a console in which nothing is yet. */

import { html } from "../vendor/preact.js";
import { get } from "../api.js";
import { Loaded, useData } from "../ui/data.js";
import { wear } from "../ui/style_of_page.js";

/** The page. */
export default function Home() {
  const page = useData(async (signal) => {
    const [{ projects }, { samples }] = await Promise.all([get("/projects", { limit: 2 }, { signal }), get("/samples", {}, { signal })]);
    const beginning = projects.every(({ name }) => samples.some((one) => one.project === name && one.state !== "done"));
    const module = await (beginning ? import("./welcome.js") : import("./dashboard.js"));
    await wear(module.styles);
    return module.default;
  }, []);
  return html`<${Loaded} of=${page}>${(Shown) => html`<${Shown} />`}</${Loaded}>`;
}
