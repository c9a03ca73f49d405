"""What the timeline shows of answers and calls, in a real browser with the real daemon: every card, code, tables, output, pictures, changes."""

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import SCREENS, SIZES, chromium, opened, shoot, violations
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until
from support.pictures import png
from support.reference_server import TARGET, everything

pytestmark = [pytest.mark.system, pytest.mark.page]

OLD = "".join(f"line {number}\n" for number in range(1, 41)) + "const payload = jwt.verify(token, secret)\n" + "end\n" * 20
PLAN = [
    {"text": "Read the middleware", "state": "done"},
    {"text": "Rotate the tokens", "state": "doing"},
    {"text": "Run the tests", "state": "open"},
]
COLOURS = r"printf '\033[32mPASS\033[0m auth.test.ts\n\033[33mWARN\033[0m slow\n10%%\r100%%\n'"
FAILS = "printf 'collecting\\n\\033[31mFAILED\\033[0m tests/auth.py::rotates - KeyError\\n1 failed\\n'; exit 3"
CALLS: dict[str, list[Action]] = {
    "reading": [
        Use("read_file", {"path": "auth.ts"}),
        Use("read_file", {"path": "missing.ts"}),
        Use("grep", {"pattern": "jwt"}),
        Use("list_dir", {"path": "."}),
    ],
    "editing": [
        Use("multi_edit", {"path": "auth.ts", "edits": [
            {"old": "line 3\n", "new": "line three\n"},
            {"old": "const payload = jwt.verify(token, secret)", "new": "const { payload } = await jwtVerify(token, key)\nawait rotate(payload.sid)"},
        ]}),
        Use("write_file", {"path": "new/made.txt", "content": "one\ntwo\nno line break"}),
    ],
    "running": [Use("run_command", {"command": COLOURS}), Use("run_command", {"command": "seq 1 30000"}), Use("run_command", {"command": FAILS})],
    "waiting": [Use("run_command", {"command": "for i in 1 2 3 4 5; do echo step $i; done; sleep 60"})],
    "planning": [Use("todo", {"items": PLAN})],
    "asking": [Use("ask_user", {"question": "Which library?", "options": ["jose", "jsonwebtoken"]})],
    "picture": [Use("mcp__everything__get-tiny-image", {}), Use("mcp__everything__echo", {"message": "first line\nsecond \u202eline"})],
    "moving": [Use("run_command", {"command": "mv auth.ts moved.ts && chmod +x run.sh && rm old.txt"})],
}  # fmt: skip
ANSWER = (
    """I'll refactor the middleware.

# Plan

| Step | State | Time |
|:-----|:-----:|-----:|
| Read `a\\|b` | done | 82 ms |
| Edit | **open** | 1 s |

- [x] read the [library](https://example.test/jose)
- [ ] rotate tokens, see `src/auth.ts` and [the notes](docs/notes.md)
    1. nested
    2. twice

> A quote with ~~struck~~ words &amp; an entity.

---

```ts
import { jwtVerify } from 'jose'; // the new library
export async function check(token: string, limit = 30): Promise<boolean> {
  const { payload } = await jwtVerify(token, `key ${limit}`);
  return payload.exp > Date.now() / 1000;
}
```

שלום עולם

![a diagram](https://example.test/diagram.png) and a footnote[^1].

[^1]: It says more.

```python
"""
    + "\n".join(f"def step_{number}(value: int) -> int:\n    return value + {number}" for number in range(30))
    + "\n```\n"
)

STREAM = (
    "Here it is.\n\n```ts\n" + "".join(f"export const value{number} = call('x', {number}); // a line\n" for number in range(700)) + "```\n"
)


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("It is over.")]
    content = last["content"]
    text = content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)
    if "answer me" in text:
        return [Say(ANSWER)]
    if "stream me" in text:
        return [Say(STREAM, rate=500, size=60)]
    return next((calls for word, calls in CALLS.items() if f"{word} please" in text), [Say("Nothing to do.")])


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    command = everything()
    servers = f'[sandbox]\nread = ["{TARGET}"]\n[mcp.servers.everything]\ncommand = "{command[0]}"\nargs = ["{command[1]}"]\n'
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("cards"), model_url=model.url, config=servers) as running:
        running.start_servers()
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


@pytest.fixture
def files(daemon: Daemon) -> None:
    shutil.rmtree(daemon.workspace / "new", ignore_errors=True)
    (daemon.workspace / "moved.ts").unlink(missing_ok=True)
    (daemon.workspace / "auth.ts").write_text(OLD)
    (daemon.workspace / "run.sh").write_text("echo\n")
    (daemon.workspace / "run.sh").chmod(0o644)
    (daemon.workspace / "old.txt").write_text("old\n")


def ended(daemon: Daemon, page: Page, text: str, **fields: Any) -> str:
    """A session whose turn has ended, shown in the page; its id."""
    sid = daemon.session(mode="do", policy="unrestricted", title=f"about {text.split()[0]}")
    daemon.follow(sid, daemon.submit(sid, text, **fields))
    show(page, sid)
    return sid


def show(page: Page, sid: str) -> None:
    page.evaluate("sid => { location.hash = '#/s/' + sid }", sid)
    expect(page.get_by_role("log", name="Timeline")).to_be_visible()


def test_an_answer_has_tables_tasks_coloured_code_that_folds_and_links_that_say_where_they_lead(page: Page, daemon: Daemon) -> None:
    ended(daemon, page, "answer me")
    keyword = page.locator("figure span", has_text="import").locator("css=[class*=keyword]").first
    expect(keyword).to_be_visible()
    plain = page.locator("figure").first.evaluate("each => getComputedStyle(each).color")
    assert keyword.evaluate("each => getComputedStyle(each).color") != plain
    expect(page.get_by_role("link", name="library (example.test)")).to_have_attribute("rel", "noreferrer noopener")
    expect(page.get_by_text("the notes (docs/notes.md)")).to_be_visible()
    assert page.locator("[role=log] img").count() == 0
    expect(page.get_by_role("cell", name="82 ms")).to_have_css("text-align", "right")
    shoot(page, "answer")
    page.get_by_role("log", name="Timeline").evaluate("each => each.scrollTop = 0")
    shoot(page, "answer-begin")
    assert violations(page) == []
    fold = page.get_by_role("button", name="Show all 60 lines")
    assert "step_29" not in page.locator("figure").last.inner_text()
    fold.click()
    expect(page.locator("figure").last).to_contain_text("step_29")


def test_calls_that_read_show_what_failed_and_have_every_argument_inside(page: Page, daemon: Daemon, files: None) -> None:
    ended(daemon, page, "reading please")
    page.get_by_role("button", name=re.compile("4 reads")).click()
    failed = page.get_by_role("region", name="Read missing.ts, failed")
    expect(failed).to_contain_text("missing.ts")
    expect(page.get_by_role("region", name="Read auth.ts, done")).to_contain_text("61 lines")
    card = page.get_by_role("region", name="Search jwt, done")
    card.get_by_role("button", expanded=False).click()
    expect(card.get_by_text("pattern")).to_be_visible()
    expect(card).to_contain_text("jwt.verify(token, secret)")
    shoot(page, "cards-reading")
    assert violations(page) == []


def test_edits_show_counts_numbers_marks_and_folds_in_one_column_or_two_as_was_chosen(page: Page, daemon: Daemon, files: None) -> None:
    ended(daemon, page, "editing please")
    card = page.get_by_role("region", name="Edit auth.ts, done")
    expect(card).to_contain_text("+3 −2")
    expect(card).to_contain_text("31 unchanged lines")
    assert card.locator("mark").count() > 0
    made = page.get_by_role("region", name="Write new/made.txt, done")
    expect(made).to_contain_text("created")
    expect(made).to_contain_text("No newline at end of file")
    shoot(page, "cards-editing")
    assert violations(page) == []
    card.hover()
    card.get_by_role("button", name="Side by side").click()
    expect(card.get_by_role("button", name="Side by side", pressed=True)).to_be_visible()
    shoot(page, "cards-editing-split", sizes=SIZES[:1])
    page.reload()
    card = page.get_by_role("region", name="Edit auth.ts, done")
    expect(card.get_by_role("button", name="Side by side", pressed=True)).to_be_attached()
    card.hover()
    card.get_by_role("button", name="Side by side").click()


def test_commands_show_colours_the_error_while_closed_and_all_of_a_long_output(page: Page, daemon: Daemon, files: None) -> None:
    ended(daemon, page, "running please")
    failed = page.get_by_role("region", name="Run printf 'collecting", exact=False)
    expect(failed).to_contain_text("exit code 3: FAILED tests/auth.py::rotates - KeyError")
    expect(failed).to_contain_text("exit 3")
    coloured = page.get_by_role("region", name="Run printf '\\033[32mPASS", exact=False)
    coloured.get_by_role("button", expanded=False).click()
    expect(coloured.locator(".ansi-green")).to_have_text("PASS")
    expect(coloured.locator("pre").last).to_contain_text("100%")
    assert "10%" not in coloured.locator("pre").last.inner_text().split("\n")
    expect(coloured).to_contain_text("exit code 0")
    failed.get_by_role("button", expanded=False).click()
    shoot(page, "cards-running")
    assert violations(page) == []
    long = page.get_by_role("region", name="Run seq 1 30000, done")
    long.get_by_role("button", expanded=False).click()
    expect(long).to_contain_text("The model read a shortened form of this result.")
    expect(long.get_by_role("button", name="Show 20,000 more lines")).to_be_visible()
    shoot(page, "cards-long-output", sizes=SIZES[:1])


def test_a_running_command_shows_its_last_lines_and_its_time_and_is_stopped_with_its_turn(page: Page, daemon: Daemon) -> None:
    sid = daemon.session(mode="do", policy="unrestricted", title="about waiting")
    daemon.submit(sid, "waiting please")
    show(page, sid)
    card = page.get_by_role("region", name="Run for i in", exact=False)
    expect(card).to_contain_text("step 3\nstep 4\nstep 5", timeout=limit_s(20_000))
    assert "step 2" not in card.locator("pre").inner_text()
    expect(card).to_contain_text(re.compile(r"running · [1-9]\d* s"))
    shoot(page, "cards-live")
    assert violations(page) == []
    daemon.client.post(f"/v3/sessions/{sid}/stop", {})
    expect(card).to_contain_text("stopped", timeout=limit_s(20_000))
    assert page.locator("section .pulse").count() == 0


def test_a_plan_is_a_list_and_its_row_says_how_far_it_is(page: Page, daemon: Daemon) -> None:
    ended(daemon, page, "planning please")
    card = page.get_by_role("region", name="Plan 1 of 3 done, done")
    card.get_by_role("button", expanded=False).click()
    expect(card.get_by_role("listitem")).to_have_text(
        ["✓done: Read the middleware", "●in progress: Rotate the tokens", "○open: Run the tests"]
    )
    shoot(page, "cards-plan", sizes=SIZES[:1])
    assert violations(page) == []


def test_a_question_of_the_model_is_answered_and_keeps_what_was_offered(page: Page, daemon: Daemon) -> None:
    sid = daemon.session(mode="do", policy="unrestricted", title="about asking")
    turn = daemon.submit(sid, "asking please")
    show(page, sid)
    question = page.get_by_role("group", name="Question of the model")
    answers = page.get_by_role("region", name="Question of the model")
    expect(answers.get_by_role("button", name="jose")).to_be_enabled(timeout=limit_s(20_000))
    expect(question.get_by_role("button", name="Answer below")).to_be_visible()
    shoot(page, "cards-question", sizes=SIZES[:1])
    assert violations(page) == []
    answers.get_by_role("button", name="jose").click()
    daemon.follow(sid, turn)
    expect(question).to_contain_text("It offered: jose · jsonwebtoken")
    expect(question).to_contain_text("You answered in the page: jose")


def test_pictures_of_tools_and_of_messages_are_small_and_open_larger(page: Page, daemon: Daemon) -> None:
    stored = daemon.client.upload("a cat.png", png(320, 200))
    ended(daemon, page, "picture please", attachments=[stored])
    attached = page.get_by_role("button", name="Enlarge a-cat", exact=False)
    expect(attached).to_be_visible()
    assert until(lambda: attached.locator("img").evaluate("each => each.naturalWidth") == 320)
    card = page.get_by_role("region", name="everything: get-tiny-image", exact=False)
    picture = card.get_by_role("button", name="Enlarge")
    expect(picture).to_be_visible()
    assert until(lambda: picture.locator("img").evaluate("each => each.naturalWidth") > 0)
    echo = page.get_by_role("region", name="everything: echo message first line↵second \\u202eline, done")
    echo.get_by_role("button", expanded=False).click()
    expect(echo.locator("dd").first).to_contain_text("\\u202e")
    shoot(page, "cards-pictures")
    assert violations(page) == []
    attached.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img")).to_be_visible()
    shoot(page, "cards-picture-large", sizes=SIZES[:1])
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_the_files_of_a_session_are_in_a_sheet_with_diffs_and_are_undone_and_redone_there(page: Page, daemon: Daemon, files: None) -> None:
    sid = ended(daemon, page, "editing please")
    daemon.follow(sid, daemon.submit(sid, "moving please"))
    page.get_by_role("button", name="6 files changed").click()
    sheet = page.get_by_role("dialog", name="Files that this session changed")
    rows = sheet.get_by_role("list", name="Changed files").get_by_role("listitem")
    expect(rows.filter(has_text="old.txt")).to_contain_text("deleted")
    expect(rows.filter(has_text="run.sh")).to_contain_text("mode 100644 → 100755")
    expect(rows.filter(has_text="made.txt")).to_contain_text("no line break")
    shoot(page, "changes")
    assert violations(page) == []
    rows.filter(has_text="old.txt").get_by_role("button", name="Undo: old.txt").click()
    expect(rows.filter(has_text="old.txt")).to_contain_text("undone")
    assert (daemon.workspace / "old.txt").read_text() == "old\n"
    rows.filter(has_text="old.txt").get_by_role("button", name="Redo: old.txt").click()
    expect(rows.filter(has_text="old.txt").get_by_role("button", name="Undo: old.txt")).to_be_visible()
    assert not (daemon.workspace / "old.txt").exists()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def test_a_long_block_of_code_keeps_the_height_of_the_page_while_it_grows(page: Page, daemon: Daemon) -> None:
    sid = daemon.session(mode="chat", title="about a stream")
    show(page, sid)
    turn = daemon.submit(sid, "stream me")
    expect(page.get_by_role("button", name="Show all", exact=False)).to_be_visible(timeout=limit_s(30_000))
    page.evaluate("""() => {
      const figure = document.querySelector('figure');
      window.heights = [];
      new ResizeObserver(() => window.heights.push(Math.round(figure.getBoundingClientRect().height))).observe(figure);
    }""")
    daemon.follow(sid, turn)
    expect(page.get_by_role("button", name="Show all 700 lines")).to_be_visible()
    expect(page.locator("figure [class*=keyword]").first).to_be_visible()
    assert len(set(page.evaluate("window.heights"))) == 1
    page.get_by_role("button", name="Show all 700 lines").click()
    expect(page.locator("figure [class*=keyword]")).to_have_count(2100, timeout=limit_s(30_000))


def test_a_call_waits_for_a_person_and_says_that_it_was_denied_and_why_the_next_one_was_not_run(
    page: Page, daemon: Daemon, files: None
) -> None:
    sid = daemon.session(mode="do", level="L1", title="about consent")
    daemon.submit(sid, "moving please")
    show(page, sid)
    card = page.get_by_role("region", name="Run mv auth.ts", exact=False)
    expect(card).to_contain_text("waiting for you", timeout=limit_s(20_000))
    card.get_by_role("button", expanded=False).click()
    expect(card).to_contain_text("asks because of")
    shoot(page, "cards-asking")
    assert violations(page) == []
    permission = page.get_by_role("region", name="Permission")
    expect(permission.get_by_role("button", name="Deny", exact=True)).to_be_enabled(timeout=limit_s(20_000))
    permission.get_by_role("button", name="Deny", exact=True).click()
    expect(card).to_contain_text("denied in the page")
    assert (daemon.workspace / "auth.ts").exists()
    assert violations(page) == []


def test_cards_are_walked_with_the_keyboard_and_keep_their_marks_in_forced_colours(page: Page, daemon: Daemon, files: None) -> None:
    ended(daemon, page, "editing please")
    card = page.get_by_role("region", name="Edit auth.ts, done")
    head = card.get_by_role("button", name="Edit auth.ts", exact=False)
    head.focus()
    page.keyboard.press("Tab")
    expect(card.get_by_role("button", name="Side by side")).to_be_focused()
    expect(card.get_by_role("button", name="Side by side")).to_be_visible()
    page.keyboard.press("Tab")
    expect(card.get_by_role("button", name="Copy changes of auth.ts")).to_be_focused()
    page.keyboard.press("Tab")
    expect(card.get_by_role("group", name="Changes of auth.ts")).to_be_focused()
    page.emulate_media(forced_colors="active")
    added = card.locator("[data-kind=add]").first
    assert added.evaluate("each => getComputedStyle(each).borderInlineStartWidth") == "3px"
    page.screenshot(path=SCREENS / "cards-forced-colours.png")
    page.emulate_media(forced_colors="none")
    head.focus()
    page.keyboard.press("Enter")
    expect(card.get_by_role("button", expanded=False)).to_be_focused()
