/** How far those who review agree with those who label. */

import { html } from "../../vendor/preact.js";
import { count, percent, score } from "../../formats.js";

/**
 * @param {{told: any, wide?: boolean}} properties `told`: as the server tells it; null while it is not known.
 */
export function AgreementPanel({ told, wide = false }) {
  if (!told) return null;
  return html`<section class=${wide ? "panel agreement" : "part agreement"} aria-label="Agreement">
    <h2>Agreement</h2>
    ${told.reviewed
      ? html`<dl>
            <div><dt>Accepted as it was</dt><dd>${percent(told.share, 0)} <span class="muted">(${count(told.unchanged)} of ${count(told.reviewed)})</span></dd></div>
            <div><dt>Adjusted, sent back</dt><dd>${count(told.adjusted)}, ${count(told.sent_back)}</dd></div>
            <div>
              <dt><abbr title="Intersection over union of places before and after they were adjusted: 1 is the same place">Overlap of adjusted places</abbr></dt>
              <dd>${score(told.mean_iou)}</dd>
            </div>
            <div>
              <dt><abbr title="Cohen's kappa of whole and damaged, before and after the review: 1 is perfect, 0 is what chance gives; of ten pictures or more">Kappa of the labels</abbr></dt>
              <dd>${score(told.kappa)}</dd>
            </div>
          </dl>
          ${told.people.length > 0 && html`<${People} people=${told.people} />`}`
      : html`<p class="small muted">No picture has been reviewed yet.</p>`}
  </section>`;
}

function People({ people }) {
  return html`<table class="small people">
    <caption class="unseen">Agreement with each person who labelled</caption>
    <thead><tr><th scope="col">Labelled by</th><th scope="col" class="number">Reviewed</th><th scope="col" class="number">Accepted</th></tr></thead>
    <tbody>
      ${people.map(
        (one) => html`<tr key=${one.labelled_by}>
          <th scope="row">${one.labelled_by?.replace(/^user:/, "") ?? "nobody knows"}</th>
          <td class="number">${count(one.reviewed)}</td>
          <td class="number">${percent(one.share, 0)}</td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}
