"""The page while the daemon is absent, dies and returns: the right state within two seconds, and recovery by itself."""

import contextlib
from collections.abc import Generator, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from support.browser import chromium, new_context, opened, shoot, violations
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say

pytestmark = [pytest.mark.system, pytest.mark.page]

# A page that says so within two seconds of its own is waited for a little longer on a busy machine.
SAID_MS = 10_000
# On the clock of the page: from the end of a stream, or from its load, until it says who does not answer.
NAMED_MS_MAX = 2_000
_NOTED = """() => {
  window.noted = {};
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(...args) { super(...args); this.addEventListener('close', () => { window.noted.lost ??= performance.now(); }); }
  };
  new MutationObserver(() => {
    if (document.body?.textContent.includes('The daemon does not answer')) window.noted.said ??= performance.now();
  }).observe(document, { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def reply(messages: list[dict[str, object]]) -> list[Action]:
    return [Say("word " * 200, rate=50, size=5)] if "long" in str(messages[-1]["content"]) else [Say("It is done.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("boot"), model_url=model.url) as running:
        yield running


def test_a_daemon_that_stops_in_mid_stream_is_named_and_started_from_the_page(browser: Browser, daemon: Daemon) -> None:
    daemon.session(title="a long one")
    with opened(browser, daemon) as page:
        expect(page.get_by_role("heading", name="a long one")).to_be_visible()
        page.get_by_role("textbox", name="Message").fill("a long answer")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_text("word word word").first).to_be_visible()
        daemon.supervisor().stop("gateway")
        expect(page.get_by_text("The daemon does not answer")).to_be_visible(timeout=SAID_MS)
        # What was read stays readable.
        expect(page.get_by_text("word word word").first).to_be_visible()
        expect(page.get_by_text("Nothing is lost")).to_be_visible()
        shoot(page, "connection-lost")
        assert violations(page) == []
        page.get_by_role("button", name="Start the daemon").click()
        expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=30_000)
        expect(page.get_by_text("200 tokens", exact=True)).to_be_visible(timeout=30_000)


def test_a_page_that_is_loaded_while_the_daemon_is_down_connects_when_it_is_there(browser: Browser, daemon: Daemon) -> None:
    with opened(browser, daemon) as page:
        expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible()
        daemon.supervisor().stop("gateway")
        page.reload()
        expect(page.get_by_role("heading", name="The daemon does not answer")).to_be_visible(timeout=SAID_MS)
        shoot(page, "no-daemon")
        assert violations(page) == []
        daemon.supervisor().start("gateway")
        expect(page.get_by_role("textbox", name="Message")).to_be_visible(timeout=30_000)


def test_a_bookmark_asks_for_a_code_and_works_with_it(browser: Browser, daemon: Daemon) -> None:
    address = daemon.page_url
    context = new_context(browser)
    page = context.new_page()
    page.goto(address.partition("?")[0])
    expect(page.get_by_role("heading", name="This window is not connected")).to_be_visible(timeout=SAID_MS)
    shoot(page, "no-key")
    assert violations(page) == []
    page.get_by_role("textbox", name="Address or code").fill(address)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("textbox", name="Message")).to_be_visible(timeout=30_000)
    context.close()


@contextlib.contextmanager
def noted(browser: Browser, daemon: Daemon) -> Generator[Page]:
    """The page in a window that notes when its streams end, and when it says that the daemon does not answer."""
    context = new_context(browser)
    page = context.new_page()
    page.add_init_script(f"({_NOTED})()")
    page.goto(daemon.page_url)
    expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=30_000)
    yield page
    context.close()


@pytest.mark.parametrize("when", ["idle", "in mid-stream"])
def test_a_daemon_that_dies_is_named_within_two_seconds_and_the_page_goes_on_by_itself(browser: Browser, daemon: Daemon, when: str) -> None:
    daemon.session(title="dies")
    with noted(browser, daemon) as page:
        expect(page.get_by_role("heading", name="dies")).to_be_visible()
        if when == "in mid-stream":
            page.get_by_role("textbox", name="Message").fill("a long answer")
            page.keyboard.press("Control+Enter")
            expect(page.get_by_text("word word word").first).to_be_visible(timeout=30_000)
        daemon.supervisor().stop("gateway")
        expect(page.get_by_text("The daemon does not answer")).to_be_visible(timeout=SAID_MS)
        clock = page.evaluate("window.noted")
        assert clock["said"] - clock["lost"] <= limit_s(NAMED_MS_MAX), clock
        daemon.supervisor().start("gateway")
        # No hand touches the page.
        expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("The daemon does not answer")).to_have_count(0)
        if when == "in mid-stream":
            expect(page.get_by_text("200 tokens", exact=True)).to_be_visible(timeout=30_000)
            assert page.locator("article .markdown").inner_text().split() == ["word"] * 200


def test_a_daemon_that_dies_while_the_page_is_loading_is_named_and_the_page_goes_on_by_itself(browser: Browser, daemon: Daemon) -> None:
    held: list[Route] = []
    with noted(browser, daemon) as page:
        # The list of sessions does not come before the daemon dies.
        page.route("**/v3/sessions?**", lambda route: held.append(route))
        page.reload()
        expect(page.get_by_text("Reading your sessions")).to_be_visible(timeout=30_000)
        daemon.supervisor().stop("gateway")
        expect(page.get_by_role("heading", name="The daemon does not answer")).to_be_visible(timeout=SAID_MS)
        clock = page.evaluate("window.noted")
        assert clock["said"] - clock["lost"] <= limit_s(NAMED_MS_MAX), clock
        for route in held:
            route.abort()
        page.unroute("**/v3/sessions?**")
        daemon.supervisor().start("gateway")
        expect(page.get_by_role("textbox", name="Message")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=60_000)


def test_a_daemon_that_is_absent_at_load_is_named_within_two_seconds(browser: Browser, daemon: Daemon) -> None:
    with noted(browser, daemon) as page:
        daemon.supervisor().stop("gateway")
        page.reload()
        expect(page.get_by_role("heading", name="The daemon does not answer")).to_be_visible(timeout=SAID_MS)
        loaded = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        assert page.evaluate("window.noted.said") - loaded <= limit_s(NAMED_MS_MAX)
        daemon.supervisor().start("gateway")
        expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=60_000)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_each_name_of_this_machine_leads_to_the_page(browser: Browser, daemon: Daemon, name: str) -> None:
    context = new_context(browser)
    page = context.new_page()
    page.goto(daemon.page_url.replace("127.0.0.1", name))
    expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=30_000)
    # The key is in this window; the address, without its code, can be loaded again.
    page.reload()
    expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=30_000)
    context.close()
