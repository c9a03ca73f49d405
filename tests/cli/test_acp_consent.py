"""`opta acp`: what a person is asked, what an answer means, and how turns end."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from acp import RequestError
from acp.helpers import text_block
from acp.schema import HttpMcpServer, McpServerStdio
from support.daemon import Daemon
from support.editor import Editor, editor_of
from support.limits import limit_s
from support.model_server import Action, End, Fail, ModelServer, Say, Use

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last, text = messages[-1], str(messages[-1]["content"])
    prompt = next((str(each["content"]) for each in reversed(messages) if each["role"] == "user"), "")
    if "for ever" in prompt:
        return [Use("list_dir", {"path": "." + "/." * len(messages)})]
    if last["role"] == "tool":
        return [Say(f"The tool said: {text[:60]}")]
    if "command twice" in text:
        return [Use("run_command", {"command": "npm test"}), Use("run_command", {"command": "npm test"})]
    if "command" in text:
        return [Use("run_command", {"command": "npm test"})]
    if "write it" in text:
        return [Use("write_file", {"path": "made.txt", "content": "`" * 5 + "\n<!-- hidden \u202e -->\n"})]
    if "ask me with options" in text:
        return [Use("ask_user", {"question": "Which colour?", "options": ["red", "green"]})]
    if "ask me" in text:
        return [Use("ask_user", {"question": "What is your name?"})]
    if "delegate" in text:
        return [Use("agent", {"title": "Write a file", "task": "write it"})]
    if "make a plan" in text:
        return [Say("1. Say hello.")]
    if "slowly" in text:
        return [Say("tick " * 3000, rate=50, size=5)]
    if "refuse" in text:
        return [Fail(400, "no such thing")]
    # The second text is what the model reads after the first filtered answer.
    if "be filtered" in text or "content filter stopped" in text:
        return [Say("I will "), End("content_filter")]
    if "forbidden" in text:
        return [Fail(400, "The prompt was filtered by our content management policy.")]
    if "sign in" in text:
        return [Fail(401, "wrong key")]
    return [Say("Hello from the model.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with (
        ModelServer(reply) as model,
        Daemon(tmp_path_factory.mktemp("acpc"), model_url=model.url, only="gateway,agent,tools,sessions") as it,
    ):
        yield it


def run(daemon: Daemon, act: Callable[[Editor, str], Awaitable[None]], *words: str, servers: Any = (), **options: Any) -> None:
    """Act in an editor with a new session."""

    async def main() -> None:
        async with asyncio.timeout(limit_s(60)), editor_of(daemon, *words, **options) as editor:
            sid = (await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=list(servers))).session_id
            await act(editor, sid)

    asyncio.run(main())


async def say(editor: Editor, sid: str, text: str) -> str:
    """Send a prompt; why it stopped."""
    return (await editor.agent.prompt(session_id=sid, prompt=[text_block(text)])).stop_reason


def content_of(asked: Any) -> str:
    return "\n".join(part.content.text for part in asked.tool_call.content if part.type == "content")


def grants(daemon: Daemon) -> list[Any]:
    return daemon.client.get("/v3/grants")["grants"]


def test_a_question_shows_the_whole_call_and_every_scope(daemon: Daemon) -> None:
    async def act(editor: Editor, sid: str) -> None:
        assert await say(editor, sid, "command") == "end_turn"
        [asked] = editor.asked
        kinds = {option.option_id: option.kind for option in asked.options}
        assert kinds["allow"] == "allow_once" and kinds["deny"] == "reject_once" and kinds["always"] == "allow_always"
        assert kinds["session"] == "allow_always" and next(iter(kinds)) == "allow"
        shown = content_of(asked)
        for words in ("npm test", f"runs in: {daemon.workspace}", "network: ", "sandbox: ", "why: ", "until: "):
            assert words in shown, words
        assert "allows the following without a question" in shown, "what each broader answer would allow"
        assert editor.calls()[asked.tool_call.tool_call_id]["status"] in ("completed", "failed")

    run(daemon, act, choose=lambda asked: "deny")


def test_no_text_of_a_model_leaves_the_block_that_shows_it(daemon: Daemon) -> None:
    async def act(editor: Editor, sid: str) -> None:
        await say(editor, sid, "write it")
        [asked] = editor.asked
        diff = asked.tool_call.content[0]
        assert diff.new_text == "`" * 5 + "\n<!-- hidden \u202e -->\n", "the change, character by character"
        assert "\u202e" not in content_of(asked)

    run(daemon, act, choose=lambda asked: "deny")
    assert not (daemon.workspace / "made.txt").exists()


def test_always_writes_its_rule_only_after_it_was_confirmed(daemon: Daemon) -> None:
    answers = iter(["always", "deny", "always", "allow"])

    async def act(editor: Editor, sid: str) -> None:
        await say(editor, sid, "command")
        first, confirmation, again, confirmed = editor.asked
        assert first.options == again.options and "npm test" in content_of(confirmation)
        assert [option.kind for option in confirmed.options] == ["allow_always", "reject_once"]

    before = grants(daemon)
    run(daemon, act, choose=lambda asked: next(answers))
    [new] = [grant for grant in grants(daemon) if grant not in before]
    daemon.client.ask("DELETE", f"/v3/grants/{new['id']}")


def test_session_covers_the_same_call_in_this_session_only(daemon: Daemon) -> None:
    answers = iter(["session", "allow"])
    before = grants(daemon)

    async def act(editor: Editor, sid: str) -> None:
        await say(editor, sid, "command twice")
        assert len(editor.asked) == 2, "the question and its confirmation, and none for the second call"

    run(daemon, act, choose=lambda asked: next(answers))
    assert grants(daemon) == before


def test_an_answer_that_was_not_offered_allows_nothing(daemon: Daemon) -> None:
    async def act(editor: Editor, sid: str) -> None:
        assert await say(editor, sid, "write it") == "end_turn"
        assert not (daemon.workspace / "made.txt").exists()

    run(daemon, act, choose=lambda asked: "yes please")


def test_an_answer_elsewhere_withdraws_the_question(daemon: Daemon) -> None:
    async def act(editor: Editor, sid: str) -> None:
        editor.gate.clear()
        working = asyncio.create_task(editor.agent.prompt(session_id=sid, prompt=[text_block("write it")]))
        await editor.until(lambda: editor.asked, "the question")
        [asked] = daemon.client.get("/v3/permissions")["permissions"]
        answer = {"decision": "allow", "client": "the page"}
        await asyncio.to_thread(daemon.client.post, f"/v3/sessions/{sid}/permissions/{asked['requestId']}", answer)
        started = time.monotonic()
        await editor.until(lambda: editor.withdrawn == [0], "the withdrawal")
        assert time.monotonic() - started < limit_s(1)
        assert (await working).stop_reason == "end_turn"

    run(daemon, act)
    (daemon.workspace / "made.txt").unlink()


def test_one_of_two_editors_answers_and_the_other_is_withdrawn(daemon: Daemon) -> None:
    async def main() -> None:
        async with asyncio.timeout(limit_s(60)), editor_of(daemon) as first, editor_of(daemon) as second:
            sid = (await first.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])).session_id
            first.gate.clear()
            working = asyncio.create_task(first.agent.prompt(session_id=sid, prompt=[text_block("write it")]))
            await first.until(lambda: first.asked, "the question")
            # It opens the session while the question is open, so it is asked, too.
            await second.agent.load_session(cwd=str(daemon.workspace), session_id=sid, mcp_servers=[])
            await second.until(lambda: second.asked, "the question in the other editor")
            assert (await working).stop_reason == "end_turn"
            assert first.withdrawn == [0] and second.withdrawn == []

    asyncio.run(main())
    (daemon.workspace / "made.txt").unlink()


@pytest.mark.parametrize("while_", ["it speaks", "it asks", "it waits behind another"])
def test_cancel_ends_the_prompt_within_a_second(daemon: Daemon, while_: str) -> None:
    async def act(editor: Editor, sid: str) -> None:
        before = None
        if while_ == "it asks":
            editor.gate.clear()
        if while_ == "it waits behind another":
            before = asyncio.create_task(editor.agent.prompt(session_id=sid, prompt=[text_block("slowly")]))
            await editor.until(lambda: "tick" in editor.text(), "the first words")
        text = "write it" if while_ == "it asks" else "slowly"
        working = asyncio.create_task(editor.agent.prompt(session_id=sid, prompt=[text_block(text)]))
        if before is not None:
            await editor.until(lambda: "waits behind other turns" in editor.text(), "the queue")
        else:
            await editor.until(lambda: editor.asked or "tick" in editor.text(), "work")
        started = time.monotonic()
        await editor.agent.cancel(session_id=sid)
        assert (await working).stop_reason == "cancelled"
        assert time.monotonic() - started < limit_s(1)
        assert before is None or (await before).stop_reason == "cancelled"
        editor.gate.set()
        assert {call["status"] for call in editor.calls().values()} <= {"failed", "completed"}, "nothing goes on turning"
        assert await say(editor, sid, "hello") == "end_turn"

    run(daemon, act)


def test_a_person_who_cancels_a_question_stops_the_turn(daemon: Daemon) -> None:
    async def act(editor: Editor, sid: str) -> None:
        assert await say(editor, sid, "write it") == "cancelled"

    run(daemon, act, choose=lambda asked: None)


def test_a_question_with_options_is_answered_by_one_of_them(daemon: Daemon) -> None:
    async def act(editor: Editor, sid: str) -> None:
        assert await say(editor, sid, "ask me with options") == "end_turn"
        assert [option.name for option in editor.asked[0].options] == ["red", "green", "Answer in other words"]
        assert "green" in editor.text()

    run(daemon, act, choose=lambda asked: "1")


@pytest.mark.parametrize("text", ["ask me", "ask me with options"])
def test_the_next_message_answers_a_question_in_words(daemon: Daemon, text: str) -> None:
    async def act(editor: Editor, sid: str) -> None:
        assert await say(editor, sid, text) == "end_turn"
        assert "Your next message is the answer." in editor.text()
        assert daemon.client.get(f"/v3/sessions/{sid}")["state"] == "waiting"
        assert await say(editor, sid, "I am Ada") == "end_turn"
        assert "I am Ada" in editor.text() and daemon.client.get(f"/v3/sessions/{sid}")["turns"] == 1

    run(daemon, act, choose=lambda asked: "words")


def test_a_plan_is_carried_out_only_when_it_is_accepted(daemon: Daemon) -> None:
    async def act(editor: Editor, sid: str) -> None:
        assert await say(editor, sid, "make a plan") == "end_turn"
        [asked] = editor.asked
        assert asked.tool_call.title == "Carry out this plan?"

    run(daemon, act, "--mode", "plan", choose=lambda asked: "deny")
    turns = daemon.client.get("/v3/sessions", limit=1)["sessions"][0]["turns"]
    assert turns == 1
    run(daemon, act, "--mode", "plan", choose=lambda asked: "allow")
    assert daemon.client.get("/v3/sessions", limit=1)["sessions"][0]["turns"] == 2


def test_a_sub_agent_asks_in_the_editor_too(daemon: Daemon) -> None:
    async def act(editor: Editor, sid: str) -> None:
        assert await say(editor, sid, "delegate") == "end_turn"
        [asked] = editor.asked
        assert asked.session_id == sid and "sub-agent s-" in content_of(asked)
        call = editor.calls()[asked.tool_call.tool_call_id]
        assert call["status"] == "completed"

    run(daemon, act)
    assert (daemon.workspace / "made.txt").exists()
    (daemon.workspace / "made.txt").unlink()


def test_no_server_that_an_editor_names_is_started(daemon: Daemon) -> None:
    mark = daemon.workspace / "started"
    servers = [
        McpServerStdio(name="mine", command="touch", args=[str(mark)], env=[]),
        HttpMcpServer(type="http", name="far", url="http://127.0.0.1:9/mcp", headers=[]),
    ]

    async def act(editor: Editor, sid: str) -> None:
        await say(editor, sid, "hello")
        assert f"opta mcp add mine -- touch {mark}" in editor.text() and "opta mcp add far --url http://127.0.0.1:9/mcp" in editor.text()
        editor.updates.clear()
        await say(editor, sid, "hello")
        assert "was not started" not in editor.text(), "once"

    run(daemon, act, servers=servers)
    assert not mark.exists()


def test_an_untrusted_folder_is_trusted_only_by_a_person(daemon: Daemon) -> None:
    policy = daemon.workspace / ".opta/policy.yaml"
    policy.parent.mkdir()
    policy.write_text("version: 1\nrules:\n  - {effect: allow, tool: run_command, command: npm test}\n")
    try:

        async def act(editor: Editor, sid: str) -> None:
            await say(editor, sid, "hello")
            assert editor.asked[0].tool_call.title == "Trust this folder?" and "npm test" in content_of(editor.asked[0])

        def state() -> str:
            return daemon.client.get("/v3/trust", cwd=str(daemon.workspace))["state"]

        run(daemon, act, choose=lambda asked: "deny")
        assert state() == "untrusted"
        run(daemon, act, choose=lambda asked: "allow")
        assert state() == "trusted"
    finally:
        policy.unlink()
        policy.parent.rmdir()


@pytest.mark.parametrize("about", ["trust", "plan"])
def test_cancel_withdraws_a_question_that_is_no_part_of_a_turn(daemon: Daemon, about: str) -> None:
    folder = daemon.home.parent / f"cancel-{about}"
    (folder / ".opta").mkdir(parents=True)
    if about == "trust":
        (folder / ".opta/policy.yaml").write_text("version: 1\nrules:\n  - {effect: allow, tool: run_command, command: npm start}\n")

    async def main() -> None:
        async with asyncio.timeout(limit_s(60)), editor_of(daemon, "--mode", "plan") as editor:
            sid = (await editor.agent.new_session(cwd=str(folder), mcp_servers=[])).session_id
            editor.gate.clear()
            working = asyncio.create_task(editor.agent.prompt(session_id=sid, prompt=[text_block("make a plan")]))
            await editor.until(lambda: editor.asked, "the question")
            started = time.monotonic()
            await editor.agent.cancel(session_id=sid)
            assert (await working).stop_reason == "cancelled"
            assert time.monotonic() - started < limit_s(1)
            await editor.until(lambda: editor.withdrawn == [0], "the withdrawal")
            assert daemon.client.get(f"/v3/sessions/{sid}")["turns"] == (0 if about == "trust" else 1)

    asyncio.run(main())


def test_a_failed_turn_is_an_error_that_says_what_to_do(daemon: Daemon) -> None:
    async def act(editor: Editor, sid: str) -> None:
        with pytest.raises(RequestError, match="no such thing") as failed:
            await say(editor, sid, "refuse")
        assert failed.value.data["domain"] == "inference" and failed.value.data["turn"] == "t1"
        with pytest.raises(RequestError, match="refuses the key") as unknown:
            await say(editor, sid, "sign in")
        assert unknown.value.code == -32000
        assert await say(editor, sid, "hello") == "end_turn"

    run(daemon, act)


def test_a_content_filter_ends_with_its_reason(daemon: Daemon) -> None:
    async def act(editor: Editor, sid: str) -> None:
        with pytest.raises(RequestError, match="refuses the content: The prompt was filtered"):
            await say(editor, sid, "forbidden")
        assert await say(editor, sid, "be filtered") == "refusal"
        assert await say(editor, sid, "hello") == "end_turn"

    run(daemon, act)


def test_a_limit_is_said_and_is_no_good_end(tmp_path: Any) -> None:
    with (
        ModelServer(reply) as model,
        Daemon(tmp_path, model_url=model.url, only="gateway,agent,tools,sessions", config="max-steps = 3\n") as daemon,
    ):

        async def act(editor: Editor, sid: str) -> None:
            assert await say(editor, sid, "for ever") == "max_turn_requests"
            assert "its number of steps" in editor.text()

        run(daemon, act)


def test_compact_and_clear_are_commands(daemon: Daemon) -> None:
    async def act(editor: Editor, sid: str) -> None:
        await say(editor, sid, "hello")
        assert await say(editor, sid, "/clear") == "end_turn"
        events = [line["event"] for line in daemon.client.get(f"/v3/sessions/{sid}/events")["events"]]
        assert "session.cleared" in events
        await say(editor, sid, "hello " * 200)
        await say(editor, sid, "hello again")
        assert await say(editor, sid, "/compact") == "end_turn"
        assert "There is nothing to compact yet." in editor.text(), "what the daemon says of so short a session"

    run(daemon, act)
