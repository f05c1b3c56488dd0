"""How views read from the server again and again: a slow one is waited for."""

from __future__ import annotations

from playwright.sync_api import Page
from tests.web.console.conftest import Console, Visitor

SLOW = """
async (main) => {
  const { html, render } = await import(main.replace("main.js", "vendor/preact.js"));
  const { useData } = await import(main.replace("main.js", "ui/data.js"));
  const told = { asked: 0, answered: 0 };
  const read = (signal) => new Promise((answer, refuse) => {
    told.asked += 1;
    const timer = setTimeout(() => { told.answered += 1; answer(told.answered); }, 400);
    signal.addEventListener("abort", () => { clearTimeout(timer); refuse(new DOMException("", "AbortError")); });
  });
  return new Promise((done) => {
    const View = () => {
      const { value } = useData(read, [], { every: 50 });
      if (value === 3) done(told);
      return html`<p>${value}</p>`;
    };
    render(html`<${View} />`, document.body.appendChild(document.createElement("div")));
    setTimeout(() => done(told), 20000);
  });
}
"""


def test_what_takes_longer_than_the_time_between_two_looks_comes_all_the_same(console: Console, visit: Visitor) -> None:
    page: Page = visit(f"{console.url}/nowhere")
    main = page.locator("script[type=module]").get_attribute("src")
    assert page.evaluate(SLOW, main) == {"asked": 3, "answered": 3}
