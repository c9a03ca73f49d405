"""The list of sessions in the real page: who waits is known wherever it is, nothing is lost by a click, and it works with keys alone."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser import chromium, opened, shoot, violations
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until

pytestmark = [pytest.mark.system, pytest.mark.page]

SOON_MS = limit_s(15_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("It is written.")]
    if "write" in last["content"]:
        return [Use("write_file", {"path": "notes.txt", "content": "x\n"})]
    if "slowly" in last["content"]:
        return [Say("word " * 500, rate=30, size=5)]
    return [Say(f"You said: {last['content']}")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("rail"), model_url=model.url) as running:
        yield running


def row(page: Page, title: str) -> Locator:
    return page.get_by_role("navigation", name="Sessions").get_by_role("button", name=re.compile(rf"^{title}"))


def choose(page: Page, title: str, item: str) -> None:
    row(page, title).hover()
    named = page.get_by_role("button", name=re.compile(rf"^{title}"))
    page.get_by_role("listitem").filter(has=named).get_by_role("button", name="Session menu").click()
    page.get_by_role("menuitem", name=item).click()


def answered(daemon: Daemon, title: str, text: str = "hello", **fields: Any) -> str:
    sid = daemon.session(title=title, **fields)
    daemon.follow(sid, daemon.submit(sid, text))
    return sid


def test_every_state_has_its_group_its_word_and_its_look(daemon: Daemon, browser: Browser) -> None:
    api = daemon.workspace.parent / "api"
    api.mkdir()
    answered(daemon, "explain the cache", cwd=str(api))
    answered(daemon, "write the readme")
    asking = daemon.session(title="add pagination", mode="do")
    daemon.submit(asking, "write it")
    running = daemon.session(title="refactor the auth layer", cwd=str(api))
    daemon.submit(running, "slowly")
    pinned = answered(daemon, "release checklist")
    daemon.client.ask("PATCH", f"/v3/sessions/{pinned}", {"pinned": True})
    with opened(browser, daemon) as page:
        rail = page.get_by_role("navigation", name="Sessions")
        expect(row(page, "add pagination").get_by_text("Needs you")).to_be_visible(timeout=SOON_MS)
        expect(row(page, "refactor the auth layer").get_by_text("Running")).to_be_visible()
        expect(row(page, "explain the cache").get_by_text("Done")).to_be_visible()
        assert rail.get_by_role("heading").all_inner_texts()[:2] == ["Needs you", "Pinned"]
        assert page.title().startswith("◆ 1 needs you")
        shoot(page, "rail-states")
        assert violations(page) == []
        page.get_by_role("button", name="What is listed, and how").click()
        page.get_by_role("menuitemradio", name="By date").click()
        expect(rail.get_by_role("heading", name="Today")).to_be_visible()
        shoot(page, "rail-by-date", sizes=((1440, 900),))
        page.reload()
        expect(rail.get_by_role("heading", name="Today")).to_be_visible(timeout=SOON_MS)
    daemon.client.post(f"/v3/sessions/{running}/stop", {})
    daemon.client.post(f"/v3/sessions/{asking}/stop", {})


def test_what_goes_to_the_trash_comes_back_from_both_sides(daemon: Daemon, browser: Browser) -> None:
    sid = answered(daemon, "to be deleted")
    with opened(browser, daemon) as page:
        choose(page, "to be deleted", "Move to trash")
        expect(row(page, "to be deleted")).to_have_count(0)
        expect(page.get_by_text("“to be deleted” is in the trash.").first).to_be_visible()
        shoot(page, "rail-undo", sizes=((1440, 900),))
        page.get_by_role("button", name="Undo").click()
        expect(row(page, "to be deleted")).to_be_visible(timeout=SOON_MS)
        choose(page, "to be deleted", "Move to trash")
        trash = daemon.home / "daemon/trash" / f"{sid}.jsonl"
        assert until(trash.exists, 20)
        page.get_by_role("button", name="What is listed, and how").click()
        page.get_by_role("menuitemradio", name="Trash").click()
        restore = page.get_by_role("button", name="Restore: to be deleted")
        expect(restore).to_be_visible(timeout=SOON_MS)
        shoot(page, "rail-trash")
        assert violations(page) == []
        restore.click()
        expect(page.get_by_text("You said: hello")).to_be_visible(timeout=SOON_MS)
        page.get_by_role("button", name="Back").click()
        expect(row(page, "to be deleted")).to_be_visible()
    assert not trash.exists()
    # It goes on where it was.
    events = daemon.follow(sid, daemon.submit(sid, "again"))
    assert events[-1]["event"] == "turn.done"


def test_an_end_that_nobody_saw_is_unread_also_after_a_reload(daemon: Daemon, browser: Browser) -> None:
    first, _ = answered(daemon, "looked at later"), answered(daemon, "open now")
    with opened(browser, daemon) as page:
        row(page, "looked at later").click()
        expect(page.get_by_text("You said: hello")).to_be_visible()
        row(page, "open now").click()
        daemon.follow(first, daemon.submit(first, "once more"))
        expect(row(page, "looked at later").get_by_text("unread")).to_be_visible(timeout=SOON_MS)
        page.reload()
        expect(row(page, "looked at later").get_by_text("unread")).to_be_visible(timeout=SOON_MS)
        row(page, "looked at later").click()
        expect(row(page, "looked at later").get_by_text("unread")).to_have_count(0)


def test_a_session_is_renamed_pinned_and_archived_with_keys_alone(daemon: Daemon, browser: Browser) -> None:
    sid = answered(daemon, "by hand")
    with opened(browser, daemon) as page:
        expect(row(page, "by hand")).to_be_visible(timeout=SOON_MS)
        row(page, "by hand").focus()
        page.keyboard.press("F2")
        page.keyboard.type("by key")
        page.keyboard.press("Enter")
        expect(row(page, "by key")).to_be_visible()
        assert daemon.client.get(f"/v3/sessions/{sid}")["title"] == "by key"
        row(page, "by key").focus()
        for item in ("Pin", "Archive"):
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            menu = page.get_by_role("menuitem", name=item, exact=True)
            expect(menu).to_be_visible()
            menu.press("Enter")
            assert until(lambda item=item: daemon.client.get(f"/v3/sessions/{sid}")["pinned" if item == "Pin" else "archived"], 20)
            if item == "Pin":
                expect(page.get_by_role("heading", name="Pinned")).to_be_visible()
                row(page, "by key").focus()
        expect(row(page, "by key")).to_have_count(0)


def test_the_width_is_set_by_pointer_and_keys_and_kept(daemon: Daemon, browser: Browser) -> None:
    with opened(browser, daemon) as page:
        handle = page.get_by_role("separator", name="Width of the list of sessions")
        rail = page.get_by_role("navigation", name="Sessions")
        expect(handle).to_be_visible(timeout=SOON_MS)
        page.mouse.move(248, 400)
        page.mouse.down()
        page.mouse.move(320, 400, steps=4)
        page.mouse.up()
        expect(handle).to_have_attribute("aria-valuenow", "320")
        handle.press("End")
        handle.press("ArrowRight")
        box = rail.bounding_box()
        assert box is not None and abs(box["width"] - 360) <= 2
        page.get_by_role("button", name="Sessions", exact=True).click()
        expect(rail).to_have_count(0)
        shoot(page, "rail-hidden", sizes=((1440, 900), (1024, 768)))
        page.reload()
        button = page.get_by_role("button", name="Sessions", exact=True)
        expect(button).to_have_attribute("aria-expanded", "false", timeout=SOON_MS)
        button.click()
        expect(handle).to_have_attribute("aria-valuenow", "360")


def test_the_drawer_of_a_narrow_window_closes_by_escape_and_beside_it(daemon: Daemon, browser: Browser) -> None:
    answered(daemon, "in the drawer")
    with opened(browser, daemon, viewport={"width": 390, "height": 844}) as page:
        button = page.get_by_role("button", name="Sessions", exact=True)
        drawer = page.get_by_role("dialog", name="Sessions")
        expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=SOON_MS)
        button.click()
        expect(drawer).to_be_visible()
        shoot(page, "rail-drawer", sizes=((390, 844),))
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(drawer).to_have_count(0)
        expect(button).to_be_focused()
        button.click()
        page.mouse.click(380, 600)
        expect(drawer).to_have_count(0)
        button.click()
        row(page, "in the drawer").click()
        expect(drawer).to_have_count(0)
        expect(page.get_by_role("heading", name="in the drawer")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_hundreds_of_sessions_are_drawn_in_part_and_the_one_that_waits_is_known(daemon: Daemon, browser: Browser) -> None:
    asking = daemon.session(title="waits at the end", mode="do")
    daemon.submit(asking, "write it")
    assert until(lambda: daemon.client.get(f"/v3/sessions/{asking}")["state"] == "waiting", 20)
    for number in range(230):
        daemon.session(title=f"many {number:03}")
    with opened(browser, daemon) as page:
        assert until(lambda: page.title().startswith("◆ 1 needs you"), 20)
        expect(row(page, "waits at the end")).to_be_visible()
        assert page.locator("[data-row]").count() < 60
        more = page.get_by_role("button", name="Show older sessions")
        listed = page.get_by_role("group", name="The sessions")
        listed.evaluate("element => element.scrollTo(0, element.scrollHeight)")
        more.click()
        expect(more).to_have_count(0, timeout=SOON_MS)
        listed.evaluate("element => element.scrollTo(0, element.scrollHeight)")
        expect(row(page, "many 000")).to_be_visible(timeout=SOON_MS)
        assert page.locator("[data-row]").count() < 60
        page.get_by_role("searchbox", name="Search sessions").fill("many 00")
        expect(row(page, "many 003")).to_be_visible(timeout=SOON_MS)
        expect(row(page, "many 017")).to_have_count(0)
        assert page.title().startswith("◆ 1 needs you")
        row(page, "many 003").click()
        expect(page.get_by_role("searchbox", name="Search sessions")).to_have_value("many 00")
        assert json.loads(daemon.journal(asking)[-1])["event"] == "permission.request"
    daemon.client.post(f"/v3/sessions/{asking}/stop", {})
