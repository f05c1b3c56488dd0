/** A page's own style sheet, loaded with it and kept. */

const loaded = new Map();

/**
 * Load a style sheet once; to be awaited at the top of a page's module, so that the page never shows without it:
 * `await styled(import.meta.url)` loads `dataset.css` for `dataset.js`.
 * @param {string} module address of the page's module.
 */
export function styled(module) {
  const source = module.replace(/\.js$/, ".css");
  if (!loaded.has(source)) {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: source });
    const ready = new Promise((resolve) => {
      link.onload = resolve;
      link.onerror = resolve; // a page without its style is better than none
    });
    document.head.append(link);
    loaded.set(source, ready);
  }
  return loaded.get(source);
}
