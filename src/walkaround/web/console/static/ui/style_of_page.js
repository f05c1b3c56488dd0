/** A page's own style sheets: loaded with its module, and in force only while the page is shown, so that no page dresses another. */

const sheets = new Map(); // address to a promise of a <link> that is loaded

/**
 * Load a style sheet once; to be awaited at the top of a page's module, so that the page never shows without it:
 * `export const styles = await styled(import.meta.url)` loads `dataset.css` for `dataset.js`.
 * @param {...string} modules addresses of modules that have a style sheet beside them.
 * @returns {Promise<string[]>} addresses of the sheets, which the page exports as `styles`.
 */
export async function styled(...modules) {
  const sources = modules.map((module) => module.replace(/\.js$/, ".css"));
  await Promise.all(sources.map(loaded));
  return sources;
}

function loaded(source) {
  if (!sheets.has(source)) {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: source });
    const ready = new Promise((resolve) => {
      link.onload = () => resolve(link);
      link.onerror = () => resolve(link); // a page without its style is better than none
    });
    document.head.append(link);
    sheets.set(source, ready);
  }
  return sheets.get(source);
}

/**
 * Have these sheets of pages in force, and no other.
 * @param {string[]} styles what a page's module exports.
 */
export async function wear(styles = []) {
  for (const [source, ready] of sheets) {
    const { sheet } = await ready;
    if (sheet) sheet.disabled = !styles.includes(source); // the link's own `disabled` would have it loaded again
  }
}
