"""The page in German: the choice holds at the first paint, every surface is whole at every width, and nothing is cut."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import ROOT, SCREENS, chromium, new_context, shoot, violations
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use
from support.pseudo_page import ANY_PAGE_ASKS_THIS_MACHINE, build, choose, serve

pytestmark = [pytest.mark.system, pytest.mark.page]

SOON_MS = limit_s(30_000)
SIZES = ((1440, 900), (1024, 768), (768, 900), (390, 844))
NARROW_AND_WIDE = ((1440, 900), (390, 844))
# A sheet or dialog by the key that opens it.
SURFACES = {"settings": "Alt+,", "daemon": "Alt+D", "models": "Alt+Shift+L", "keys": "?", "palette": "Control+K"}

# Texts that are shown or read aloud, without an accent of the test language. A person's, a program's and a model's own texts, brands, names of
# languages and units are the same in every language; what the daemon writes has lang=en.
_FOREIGN = r"""() => {
  const own = /^(Opta|LMX|English|Deutsch|Asked( · Opta)?|scripted\S*|probe|lmx|git|gateway|agent|tools|sessions|desktop|s-\w+|\/\S*|~\S*|[^\p{L}]*|[\d.,]+ ?(ms|s|min|h|B|kB|MB|GB|MiB|GiB|k)( [\d.,]+ (s|min))?)$/u;
  const elsewhere = 'code, pre, kbd, [lang="en"], [dir="auto"], .exact, table td, .user, .answer, time, script, style, [data-own]';
  const accented = /[àƀçðéƒĝĥîĵķļɱñöþŕšţûṽŵýžÀßÇÐÉƑĜĤÎĴĶĻṀÑÖÞŔŠŢÛṼŴÝŽ]/u;
  const found = new Set();
  for (const each of document.body.querySelectorAll('*')) {
    if (each.closest(elsewhere)) continue;
    const texts = [...each.childNodes].filter(node => node.nodeType === 3).map(node => node.textContent);
    for (const name of ['aria-label', 'title', 'placeholder', 'alt', 'aria-valuetext']) texts.push(each.getAttribute(name) ?? '');
    for (const text of texts.map(text => text.trim()))
      if (/\p{L}{2}/u.test(text) && !accented.test(text) && !own.test(text)) found.add(each.tagName + ' ' + text.slice(0, 80));
  }
  return [...found];
}"""
# Texts that are cut without a sign that says so and without a scroll bar, and what reaches beyond the window.
_CUT = """() => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth + 1) found.push('the window scrolls sideways: ' + document.documentElement.scrollWidth);
  for (const each of document.body.querySelectorAll('button, h1, h2, h3, h4, p, label, dt, th, li, summary, span')) {
    if (!each.checkVisibility({visibilityProperty: true}) || each.closest('.sr-only, pre, table, .diff, [aria-hidden="true"]')) continue;
    const box = each.getBoundingClientRect(), style = getComputedStyle(each);
    if (box.width < 2) continue;
    const isCut = style.overflowX === 'hidden' && style.textOverflow !== 'ellipsis' && each.scrollWidth > each.clientWidth + 1;
    const isOut = (box.right > innerWidth + 1 || box.left < -1) && each.innerText?.trim();
    if (isCut || isOut) found.push((isOut ? 'outside: ' : 'cut: ') + each.tagName + ' ' + (each.innerText ?? '').slice(0, 60));
  }
  return found;
}"""


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool" or "write" not in last["content"]:
        return [Say("It is **done**.\n\n```sh\nls -l /tmp\n```")]
    return [Use("run_command", {"command": "echo yes > made"})]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("languages"), model_url=model.url) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(ANY_PAGE_ASKS_THIS_MACHINE) as made:
        yield made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("pseudo"))


def opened(browser: Browser, daemon: Daemon, language: str, built: Path | None = None) -> Page:
    """The page in a language; with the files of `built` if they are given."""
    context = new_context(browser, viewport={"width": 1440, "height": 900}, color_scheme="dark", locale="fr-FR")
    page = context.new_page()
    url = daemon.page_url
    choose(page, language)
    if built is not None:
        serve(page, built, url)
    page.goto(url)
    expect(page.locator("main textarea").first).to_be_visible(timeout=SOON_MS)
    return page


def asked(daemon: Daemon, page: Page) -> None:
    """Show the question of a call that waits for a person."""
    sid = daemon.session(mode="do", title="Asked")
    page.evaluate("sid => { location.hash = '/s/' + sid }", sid)
    daemon.submit(sid, "write")
    expect(page.locator("section[data-focus=question] button").first).to_be_enabled(timeout=SOON_MS)


def shown(page: Page, key: str) -> None:
    """Open a surface with its key, from outside of every field."""
    page.locator("body").click(position={"x": 700, "y": 5})
    page.evaluate("document.activeElement?.blur()")
    page.keyboard.press(key)
    expect(page.locator("[role=dialog], dialog[open]").first).to_be_visible(timeout=SOON_MS)


def closed(page: Page) -> None:
    """Close what is open."""
    page.keyboard.press("Escape")
    expect(page.locator("[role=dialog], dialog[open]")).to_have_count(0, timeout=SOON_MS)


def test_a_chosen_language_is_there_at_the_first_paint_and_changes_at_once(browser: Browser, daemon: Daemon) -> None:
    page = opened(browser, daemon, "de")
    html = page.locator("html")
    expect(html).to_have_attribute("lang", "de")
    expect(html).to_have_attribute("dir", "ltr")
    shown(page, SURFACES["settings"])
    page.get_by_role("navigation", name="Abschnitte der Einstellungen").get_by_role("button", name="Sprache").click()
    page.get_by_role("combobox", name="Sprache").click()
    page.get_by_role("option", name="English").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible(timeout=SOON_MS)
    expect(html).to_have_attribute("lang", "en")
    page.context.close()


def test_without_a_choice_the_page_speaks_the_language_of_the_browser(browser: Browser, daemon: Daemon) -> None:
    context = new_context(browser, locale="de-AT")
    page = context.new_page()
    page.goto(daemon.page_url)
    expect(page.get_by_role("button", name="Neue Sitzung").first).to_be_visible(timeout=SOON_MS)
    context.close()


def test_the_page_that_is_shipped_has_no_test_language() -> None:
    assets = [file.name for file in (ROOT / "desktop/opta_desktop/static/assets").iterdir()]
    assert [name for name in assets if name.startswith("pseudo")] == []
    assert [name for name in assets if name.startswith("de-")], "German is a file of its own, so that English does not wait for it"


def test_german_surfaces_are_whole_in_every_width_and_theme(browser: Browser, daemon: Daemon) -> None:
    page = opened(browser, daemon, "de")
    shoot(page, "german-main", sizes=SIZES)
    found = [f"main: {each}" for each in page.evaluate(_CUT)]
    for name, key in SURFACES.items():
        shown(page, key)
        shoot(page, f"german-{name}", sizes=SIZES)
        for width, height in NARROW_AND_WIDE:
            page.set_viewport_size({"width": width, "height": height})
            found += [f"{name} {width}: {each}" for each in page.evaluate(_CUT)]
        page.set_viewport_size({"width": 1440, "height": 900})
        closed(page)
    asked(daemon, page)
    expect(page.get_by_role("region", name="Berechtigung")).to_be_visible(timeout=SOON_MS)
    shoot(page, "german-permission", sizes=SIZES)
    assert violations(page) == []
    page.context.close()
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("language", ["pseudo", "pseudo-rtl"])
def test_no_surface_has_a_text_outside_the_catalogue_or_cuts_a_longer_one(
    browser: Browser, daemon: Daemon, built: Path, language: str
) -> None:
    page = opened(browser, daemon, language, built)
    expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "pseudo-rtl" else "ltr")
    found: list[str] = []
    SCREENS.mkdir(parents=True, exist_ok=True)

    def look(name: str) -> None:
        for width, height in NARROW_AND_WIDE:
            page.set_viewport_size({"width": width, "height": height})
            found.extend(f"{name} {width}: {each}" for each in [*page.evaluate(_FOREIGN), *page.evaluate(_CUT)])
            page.screenshot(path=SCREENS / f"{language}-{name}-{width}.png", animations="disabled")
        page.set_viewport_size({"width": 1440, "height": 900})

    look("main")
    for name, key in SURFACES.items():
        shown(page, key)
        look(name)
        closed(page)
    asked(daemon, page)
    look("permission")
    page.context.close()
    assert found == [], "\n".join(found)
