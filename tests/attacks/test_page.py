"""Markup of models, tools and titles on the page: nothing is fetched, nothing runs, and a link shows where it goes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.aftermath import stays_alive
from support.browser import chromium, new_context
from support.byte_server import ByteServer, whole
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use
from support.promises import check_journal

pytestmark = [pytest.mark.system, pytest.mark.page]

# Everything that is fetched lands here.
canary = ByteServer(lambda request: [whole(200, b"{}")])
HOST = canary.url.removesuffix("/v1").removeprefix("http://")
URL = f"http://{HOST}/canary"

MARKUP = f"""
![x]({URL}/image?d=secret) ![y][ref] <img src="{URL}/img" onerror="window.hacked=1"> <img src=x onerror=window.hacked=1>

<script>window.hacked=1</script> <script src="{URL}/script"></script>

<iframe srcdoc="<script>parent.hacked=1</script>" src="{URL}/frame"></iframe> <object data="{URL}"></object> <embed src="{URL}">

<style>@import url({URL}/style);</style> <link rel="stylesheet" href="{URL}/link"> <base href="{URL}/"> <meta http-equiv=refresh content="0;{URL}">

<svg onload="window.hacked=1"><image href="{URL}/svg"/><foreignObject><script>window.hacked=1</script></foreignObject></svg>

[run](javascript:window.hacked=1) [run](JaVaScRiPt&colon;window.hacked=1) [data](data:text/html,<script>window.hacked=1</script>)
[run](vbscript:x) [file](file:///etc/passwd) <javascript:window.hacked=1> [blob](blob:{URL})

<form action="{URL}/form"><input autofocus onfocus="window.hacked=1"><button>go</button></form> <video src="{URL}/v" poster="{URL}/p"></video>

```mermaid
graph TD; A-->B; click A "javascript:window.hacked=1"; click B href "{URL}"
```

```html
<img src="{URL}/code" onerror="window.hacked=1">
```

| a |
|---|
| ![t]({URL}/table) <img src="{URL}/cell"> |

> - ![deep]({URL}/deep)

[ref]: {URL}/reference "title"
"""
LINKS = f"""{URL}/auto

<{URL}/angle>

[your bank]({URL}/bank)

[https://bank.example]({URL}/as)

[https://bank.example/{HOST}]({URL}/inside)

[\u202e{HOST[::-1]}]({URL}/mirrored)

[user](http://bank.example@{HOST}/user)

END OF LINKS
"""
GREAT = {
    "a line of a mebibyte": "word " * 200_000 + "x" * 48_576,
    "10,000 quotes": ">" * 10_000 + " deep",
    "10,000 lists": "- " * 10_000 + "deep",
    "100,000 brackets": "[" * 100_000 + "![" * 10_000,
    "100,000 stars": "*" * 100_000 + " _*" * 10_000,
    "100,000 backticks": "`" * 100_000 + " `x" * 10_000,
    "50,000 tags": "<a " * 50_000,
    "a great table": "|a" * 2000 + "|\n" + "|-" * 2000 + "|\n" + ("|b" * 2000 + "|\n") * 20,
}


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say(f"THE END {MARKUP}\n\nTHE END", size=50)]
    if last["content"] in GREAT:
        return [Say(GREAT[last["content"]] + "\n\nTHE END", size=16_384)]
    if last["content"] == "links":
        return [Say(LINKS, size=20)]
    return [
        Use("list_dir", {"path": f'<img src="{URL}/path" onerror="window.hacked=1">'}),
        Use("run_command", {"command": f"echo '<img src={URL}/output onerror=window.hacked=1>'"}),
        Use(f"<img src={URL}/name>", {"<img>": f"<img src={URL}/args>"}),
    ]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with canary, ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("page"), model_url=model.url) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def opened(browser: Browser, daemon: Daemon) -> Iterator[tuple[Page, list[str]]]:
    """One page for all tests, and the errors and dialogs that it has had: loading it takes longer than most of them."""
    context = new_context(browser, viewport={"width": 1360, "height": 860})
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("dialog", lambda dialog: errors.append(dialog.message))
    answer = made.goto(daemon.page_url)
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and HOST not in policy
    yield made, errors
    context.close()


@pytest.fixture
def page(opened: tuple[Page, list[str]]) -> Iterator[Page]:
    page, errors = opened
    errors.clear()
    yield page
    assert page.evaluate("window.hacked") is None
    assert errors == []


def open_session(daemon: Daemon, page: Page, title: str, prompt: str) -> None:
    """A session in which the prompt was answered."""
    with stays_alive(daemon):
        sid = daemon.session(mode="do", policy="unrestricted", title=title)
        daemon.follow(sid, daemon.submit(sid, prompt))
    check_journal(daemon.journal(sid))
    page.get_by_role("button", name=title).click()


@pytest.mark.attack("A77")
def test_markup_fetches_nothing_and_runs_nothing_wherever_it_stands(daemon: Daemon, page: Page) -> None:
    open_session(daemon, page, f"<img src={URL}/title onerror=window.hacked=1>", "markup")
    log = page.get_by_role("log", name="Timeline")
    expect(log.get_by_text("THE END").last).to_be_visible()
    for card in log.get_by_role("region").get_by_role("button").all():
        card.click()
    expect(log.get_by_text("onload=").first).to_be_visible()
    forbidden = "img, iframe, script, style, link, svg, object, embed, form, input, video, base, meta"
    assert log.locator(forbidden).count() == 0
    handlers = "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(name => name.startsWith('on'))"
    assert page.evaluate(handlers) == []
    targets = [link.get_attribute("href") or "" for link in log.locator("a").all()]
    assert targets and [target for target in targets if not target.startswith(URL)] == []
    assert canary.connections == 0


@pytest.mark.attack("A77")
def test_a_link_shows_its_true_host_and_opens_only_after_a_click(daemon: Daemon, page: Page) -> None:
    open_session(daemon, page, "links", "links")
    log = page.get_by_role("log", name="Timeline")
    expect(log.get_by_text("END OF LINKS")).to_be_visible()
    links = log.locator("a").all()
    assert len(links) == 7
    for link in links:
        target, text = link.get_attribute("href"), link.inner_text()
        assert text == target or text.endswith(f"({HOST})"), text
        assert link.get_attribute("target") == "_blank" and "noopener" in (link.get_attribute("rel") or "")
    links[2].hover()
    assert canary.connections == 0
    with page.context.expect_page() as opened:
        links[2].click()
    assert opened.value.url == f"{URL}/bank"
    assert opened.value.evaluate("window.opener") is None
    assert canary.connections > 0


@pytest.mark.attack("A77")
@pytest.mark.parametrize("what", GREAT)
def test_text_without_measure_is_shown_and_the_page_goes_on(daemon: Daemon, page: Page, what: str) -> None:
    open_session(daemon, page, what, what)
    log = page.get_by_role("log", name="Timeline")
    expect(log.get_by_text("THE END")).to_be_visible(timeout=1000 * limit_s(10))
    expect(page.get_by_role("status", name=re.compile("Connection: Connected"))).to_be_visible()
    page.get_by_role("textbox", name="Message").fill("still here")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("still here")
