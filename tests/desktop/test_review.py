"""The review of what a session changed, in a real browser with the real daemon: hunks are accepted, commented, undone and redone."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import chromium, opened, shoot, violations
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use

pytestmark = [pytest.mark.system, pytest.mark.page]
OLD = "".join(f"line {number}\n" for number in range(1, 41))
SCRIPT: list[Action] = [
    Use("multi_edit", {"path": "auth.ts", "edits": [{"old": "line 3\n", "new": "line three\n"}, {"old": "line 30\n", "new": "line thirty\nline more\n"}]}),
    Use("write_file", {"path": "made.txt", "content": "one\ntwo\n"}),
]  # fmt: skip


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    return [Say("It is done.")] if messages[-1]["role"] == "tool" else SCRIPT


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("review"), model_url=model.url) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def page(browser: Browser, daemon: Daemon) -> Iterator[Page]:
    with opened(browser, daemon) as made:
        expect(made.get_by_role("status", name="Connection: Connected")).to_be_visible()
        yield made


def test_hunks_of_a_session_are_undone_beside_what_a_person_changed_commented_and_accepted(page: Page, daemon: Daemon) -> None:
    file = daemon.workspace / "auth.ts"
    file.write_text(OLD)
    sid = daemon.session(mode="do", policy="unrestricted", title="a review")
    daemon.follow(sid, daemon.submit(sid, "Edit please"))
    file.write_text(file.read_text().replace("line 20\n", "mine\n"))
    page.get_by_role("button", name="a review", exact=False).first.click()
    page.get_by_role("button", name="2 files changed").first.click()
    sheet = page.get_by_role("dialog", name="Files that this session changed")
    row = sheet.get_by_role("list", name="Changed files").get_by_role("listitem").filter(has_text="auth.ts").first
    hunks = row.get_by_role("list", name="2 hunks").get_by_role("listitem")
    expect(hunks).to_have_count(2)
    hunks.nth(1).get_by_role("button", name="Comment on", exact=False).click()
    hunks.nth(1).get_by_role("textbox").fill("Why two lines?")
    shoot(page, "review")
    assert violations(page) == []
    hunks.nth(1).get_by_role("button", name="Add to the next message").click()
    expect(hunks.nth(1).get_by_role("status")).to_have_text("In your next message")

    hunks.nth(0).get_by_role("button", name="Undo hunk", exact=False).click()
    expect(hunks.nth(0)).to_contain_text("undone")
    expect(row).to_contain_text("1 hunk undone")
    half = OLD.replace("line 30\n", "line thirty\nline more\n").replace("line 20\n", "mine\n")
    assert file.read_text() == half
    hunks.nth(1).get_by_role("button", name="Accept", exact=False).click()
    expect(hunks.nth(1).get_by_role("button", name="✓ Accepted", exact=False)).to_be_visible()
    expect(hunks.nth(1).get_by_role("group")).to_have_count(0)
    shoot(page, "review-undone")
    assert violations(page) == []

    file.write_text(half.replace("line thirty\n", "my thirty\n"))
    hunks.nth(1).get_by_role("button", name="Undo hunk", exact=False).click()
    expect(page.get_by_text("changed since in the same place", exact=False).first).to_be_visible()
    assert file.read_text() == half.replace("line thirty\n", "my thirty\n")
    hunks.nth(0).get_by_role("button", name="Redo hunk", exact=False).click()
    expect(hunks.nth(0).get_by_role("button", name="Undo hunk", exact=False)).to_be_visible()
    assert "line three\n" in file.read_text()

    page.keyboard.press("Escape")
    message = page.get_by_role("textbox", name="Message", exact=False)
    written = message.input_value()
    assert written.startswith("About auth.ts, changed in t1:\n```diff\n@@ -27,7 +27,8 @@\n")
    assert written.endswith("```\nWhy two lines?\n")


def test_a_hunk_is_undone_and_redone_from_the_command_line_and_the_model_hears_of_it(daemon: Daemon) -> None:
    file = daemon.workspace / "auth.ts"
    file.write_text(OLD)
    sid = daemon.session(mode="do", policy="unrestricted")
    daemon.follow(sid, daemon.submit(sid, "Edit please"))
    done = file.read_text()
    undone = daemon.opta("sessions", "undo", sid, "auth.ts", "--hunk=-1,6 +1,6")
    assert undone.returncode == 0, undone.stderr
    assert "auth.ts has the other hunks only" in undone.stdout
    assert file.read_text() == done.replace("line three\n", "line 3\n")
    again = daemon.opta("sessions", "undo", sid, "auth.ts", "--hunk=-1,6 +1,6")
    assert again.returncode != 0 and "is undone already" in again.stderr
    unknown = daemon.opta("sessions", "undo", sid, "auth.ts", "--hunk=-1 +1")
    assert unknown.returncode != 0 and "look at its changes again" in unknown.stderr
    assert daemon.opta("sessions", "undo", sid, "--hunk=-1 +1").returncode != 0
    transcript = daemon.client.get(f"/v3/sessions/{sid}", atSeq=10**15)["transcript"]
    assert transcript["turns"][0]["undoneHunks"] == [{"path": "auth.ts", "lines": "-1,6 +1,6"}]
    assert "auth.ts -1,6 +1,6" in transcript["pendingNote"]
    redone = daemon.opta("sessions", "redo", sid, "auth.ts", "--hunk=-1,6 +1,6")
    assert redone.returncode == 0, redone.stderr
    assert file.read_text() == done
