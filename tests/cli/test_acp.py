"""`opta acp`: every method, by the client of the protocol's package, with a real daemon and a scripted model."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from acp import RequestError
from acp.helpers import (
    audio_block,
    embedded_blob_resource,
    embedded_text_resource,
    image_block,
    resource_block,
    resource_link_block,
    text_block,
)
from support.daemon import Daemon
from support.editor import Editor, editor_of, spoken_to
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Think, Use
from support.pictures import png

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last, text = messages[-1], str(messages[-1]["content"])
    prompt = next((str(each["content"]) for each in reversed(messages) if each["role"] == "user"), "")
    if last["role"] == "tool":
        if "plan and read" in prompt and sum(each["role"] == "tool" for each in messages) == 1:
            return [Use("read_file", {"path": "notes.txt", "start_line": 2})]
        return [Say("It is done.")]
    if "plan and read" in text:
        return [Use("todo", {"items": [{"text": "read it", "state": "doing"}, {"text": "say it", "state": "open"}]})]
    if "write it" in text:
        return [Think("I should write."), Use("write_file", {"path": "made.txt", "content": "one\ntwo\n"})]
    if "edit it" in text:
        return [Use("read_file", {"path": "notes.txt"}), Use("edit_file", {"path": "notes.txt", "old": "second", "new": "2nd"})]
    if "run it" in text:
        return [Use("run_command", {"command": "echo printed; exit 3"})]
    if "repeat after me" in text:
        return [Say(f"I read: {text}")]
    return [Say("Hello from the model.", size=6)]


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer(reply, about={"vision": True}) as it:
        yield it


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("acp"), model_url=model.url, only="gateway,agent,tools,sessions") as it:
        (it.workspace / "notes.txt").write_text("first\nsecond\nthird\n")
        yield it


def run(daemon: Daemon, act: Callable[[Editor], Awaitable[None]], *words: str, **options: Any) -> Editor:
    """Act in an editor; what it has seen."""

    async def main() -> Editor:
        async with asyncio.timeout(limit_s(60)), editor_of(daemon, *words, **options) as editor:
            await act(editor)
            return editor

    return asyncio.run(main())


def test_the_agent_says_what_it_can_do_and_that_it_needs_no_sign_in(daemon: Daemon) -> None:
    async def act(editor: Editor) -> None:
        said = editor.wire[0]["result"]
        assert said["protocolVersion"] == 1 and said["agentInfo"]["name"] == "opta"
        assert said["agentCapabilities"]["loadSession"] is True
        assert said["agentCapabilities"]["promptCapabilities"] == {"image": True, "embeddedContext": True, "audio": False}
        assert set(said["agentCapabilities"]["sessionCapabilities"]) == {"close", "delete", "fork", "list", "resume"}
        with pytest.raises(RequestError, match="needs no sign-in"):
            await editor.agent.authenticate(method_id="x")

    run(daemon, act)


def test_a_new_session_names_its_choices_and_then_its_commands(daemon: Daemon) -> None:
    (daemon.home / "commands").mkdir(exist_ok=True)
    (daemon.home / "commands/say.md").write_text("---\ndescription: Say something\narguments: words\n---\nrepeat after me: $ARGUMENTS\n")

    async def act(editor: Editor) -> None:
        made = await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])
        assert made.modes.current_mode_id == "do" and [mode.id for mode in made.modes.available_modes] == ["chat", "do", "plan"]
        options = {option.id: option for option in made.config_options}
        assert {name: option.category for name, option in options.items()} == {"mode": "mode", "model": "model", "level": None}
        assert options["level"].current_value == "L2" and options["model"].current_value == "default"
        assert "scripted/scripted" in [value.value for value in options["model"].options]
        await editor.until(lambda: editor.of("available_commands_update"), "the commands")
        kinds = [message.get("method", "response") for message in editor.wire]
        assert kinds.index("session/update") > 1, "an editor that does not know the session yet gets no update of it"
        commands = {command.name: command for command in editor.of("available_commands_update")[0].available_commands}
        assert {"say", "compact", "clear"} <= set(commands) and commands["say"].input.root.hint == "words"
        ended = await editor.agent.prompt(session_id=made.session_id, prompt=[text_block("/say it loud")])
        assert ended.stop_reason == "end_turn" and "I read: repeat after me: it loud" in editor.text()

    run(daemon, act)


def test_an_answer_streams_once_and_is_not_an_echo_of_the_prompt(daemon: Daemon) -> None:
    async def act(editor: Editor) -> None:
        made = await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])
        ended = await editor.agent.prompt(session_id=made.session_id, prompt=[text_block("hello")])
        assert ended.stop_reason == "end_turn"
        assert editor.text() == "Hello from the model." and len(editor.of("agent_message_chunk")) > 1
        assert editor.of("user_message_chunk") == []

    run(daemon, act)


def test_a_plan_and_a_read_have_their_forms(daemon: Daemon) -> None:
    async def act(editor: Editor) -> None:
        made = await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])
        await editor.agent.prompt(session_id=made.session_id, prompt=[text_block("plan and read")])
        [plan] = editor.of("plan")
        assert [(entry.content, entry.status) for entry in plan.entries] == [("read it", "in_progress"), ("say it", "pending")]
        [call] = editor.calls().values()
        assert call["kind"] == "read" and call["status"] == "completed" and call["title"] == "Read notes.txt"
        assert [(place.path, place.line) for place in call["locations"]] == [(str(daemon.workspace / "notes.txt"), 2)]
        assert "second" in call["content"][0].content.text and call["raw_input"] == {"path": "notes.txt", "start_line": 2}
        assert editor.of("usage_update") == [] or editor.of("usage_update")[-1].size > 0

    run(daemon, act)


def test_an_edit_asks_with_its_diff_and_ends_with_it(daemon: Daemon) -> None:
    async def act(editor: Editor) -> None:
        made = await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])
        await editor.agent.prompt(session_id=made.session_id, prompt=[text_block("edit it")])
        [asked] = editor.asked
        diff = next(part for part in asked.tool_call.content if part.type == "diff")
        expected = (str(daemon.workspace / "notes.txt"), "first\nsecond\nthird\n", "first\n2nd\nthird\n")
        assert (diff.path, diff.old_text, diff.new_text) == expected
        call = editor.calls()[asked.tool_call.tool_call_id]
        assert call["kind"] == "edit" and call["status"] == "completed"
        assert [(part.path, part.old_text, part.new_text) for part in call["content"] if part.type == "diff"] == [expected]

    run(daemon, act)
    assert (daemon.workspace / "notes.txt").read_text() == "first\n2nd\nthird\n"
    (daemon.workspace / "notes.txt").write_text("first\nsecond\nthird\n")


def test_a_new_file_has_no_text_before_it(daemon: Daemon) -> None:
    async def act(editor: Editor) -> None:
        made = await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])
        await editor.agent.prompt(session_id=made.session_id, prompt=[text_block("write it")])
        diff = editor.asked[0].tool_call.content[0]
        assert (diff.type, diff.old_text, diff.new_text) == ("diff", None, "one\ntwo\n")
        assert editor.text("agent_thought_chunk") == "I should write."

    run(daemon, act)
    (daemon.workspace / "made.txt").unlink()


def test_a_command_shows_what_it_printed_and_how_it_ended(daemon: Daemon) -> None:
    async def act(editor: Editor) -> None:
        made = await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])
        await editor.agent.prompt(session_id=made.session_id, prompt=[text_block("run it")])
        [call] = editor.calls().values()
        assert (call["kind"], call["status"], call["title"]) == ("execute", "failed", "echo printed; exit 3")
        assert "printed" in call["content"][-1].content.text and "exit code 3" in call["content"][-1].content.text

    run(daemon, act)


def test_an_editor_that_draws_terminals_gets_the_output_as_it_comes(daemon: Daemon) -> None:
    async def act(editor: Editor) -> None:
        made = await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])
        await editor.agent.prompt(session_id=made.session_id, prompt=[text_block("run it")])
        metas = [update.field_meta for _, update in editor.updates if getattr(update, "field_meta", None)]
        [begun] = [meta["terminal_info"] for meta in metas if "terminal_info" in meta]
        assert begun["cwd"] == str(daemon.workspace)
        assert "".join(meta["terminal_output"]["data"] for meta in metas if "terminal_output" in meta) == "printed\n"
        assert [meta["terminal_exit"]["exit_code"] for meta in metas if "terminal_exit" in meta] == [3]
        [call] = editor.calls().values()
        assert call["content"][0].type == "terminal" and call["content"][0].terminal_id == begun["terminal_id"]

    run(daemon, act, has_terminals=True)


def test_a_prompt_takes_pictures_files_and_selections(daemon: Daemon, model: ModelServer) -> None:
    async def act(editor: Editor) -> None:
        made = await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])
        blocks = [
            text_block("repeat after me: look at "),
            resource_link_block("notes.txt", (daemon.workspace / "notes.txt").as_uri()),
            resource_block(embedded_text_resource("file:///elsewhere/buffer.py#L1:2", "unsaved = True", mime_type="text/x-python")),
            resource_block(embedded_text_resource("file:///elsewhere/long.log", "a long line\n" * 8000)),
            image_block(base64.b64encode(png()).decode(), "image/png"),
        ]
        ended = await editor.agent.prompt(session_id=made.session_id, prompt=blocks)
        assert ended.stop_reason == "end_turn"

    run(daemon, act)
    sent = json.dumps(model.requests[-1].body["messages"])
    assert "second" in sent, "the named file of the workspace is read by Opta's rules"
    assert "unsaved = True" in sent and "buffer.py#L1:2" in sent
    assert "a long line" in sent and "image_url" in sent


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (audio_block("AAAA", "audio/wav"), "Opta takes no sound"),
        (image_block("not base64!", "image/png"), "is not base64"),
        (resource_block(embedded_blob_resource("file:///a.pdf", base64.b64encode(b"%PDF-\0\1").decode())), "image|text"),
        (text_block("  "), "The prompt is empty"),
    ],
)
def test_what_cannot_be_passed_on_refuses_the_prompt_and_says_why(daemon: Daemon, block: Any, why: str) -> None:
    async def act(editor: Editor) -> None:
        made = await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])
        with pytest.raises(RequestError, match=why) as refusal:
            await editor.agent.prompt(session_id=made.session_id, prompt=[block])
        assert refusal.value.code == -32602
        assert daemon.client.get(f"/v3/sessions/{made.session_id}")["turns"] == 0

    run(daemon, act)


def test_modes_models_and_levels_change_the_session_here_and_elsewhere(daemon: Daemon) -> None:
    async def act(editor: Editor) -> None:
        made = await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])
        sid = made.session_id

        def session() -> dict[str, Any]:
            return daemon.client.get(f"/v3/sessions/{sid}")

        await editor.agent.set_session_mode(session_id=sid, mode_id="chat")
        assert (session()["mode"], session()["level"]) == ("chat", "L1"), "a level that nobody chose follows the mode"
        answer = await editor.agent.set_config_option(session_id=sid, config_id="level", value="L2")
        assert {option.id: option.current_value for option in answer.config_options}["level"] == "L2"
        await editor.agent.set_config_option(session_id=sid, config_id="model", value="scripted/scripted")
        await editor.agent.set_config_option(session_id=sid, config_id="mode", value="plan")
        assert (session()["mode"], session()["level"], session()["model"]) == ("plan", "L2", "scripted/scripted")
        await editor.agent.set_config_option(session_id=sid, config_id="model", value="default")
        assert session()["model"] == ""
        for option, value, why in (
            ("level", "L9", "it can be L1, L2, L3"),
            ("colour", "red", "There is no option"),
            ("model", "x/y", "it can be"),
        ):
            with pytest.raises(RequestError, match=why):
                await editor.agent.set_config_option(session_id=sid, config_id=option, value=value)
        # The page changes it: the editor shows that.
        daemon.client.ask("PATCH", f"/v3/sessions/{sid}", {"mode": "do", "title": "Another title"})
        await editor.until(lambda: "do" in [update.current_mode_id for update in editor.of("current_mode_update")], "the mode")
        await editor.until(lambda: editor.of("session_info_update"), "the title")
        assert editor.of("session_info_update")[-1].title == "Another title"
        await editor.until(
            lambda: {option.id: option.current_value for option in editor.of("config_option_update")[-1].config_options}["mode"] == "do",
            "options",
        )

    run(daemon, act)


def test_the_words_of_the_command_line_are_those_of_new_sessions(daemon: Daemon) -> None:
    async def act(editor: Editor) -> None:
        made = await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])
        session = daemon.client.get(f"/v3/sessions/{made.session_id}")
        assert (session["mode"], session["level"], session["model"]) == ("chat", "L3", "scripted/scripted")

    run(daemon, act, "--mode", "chat", "--level", "L3", "--model", "scripted")


def test_sessions_are_listed_by_folder_page_by_page(daemon: Daemon) -> None:
    other = daemon.home.parent / "other"
    other.mkdir(exist_ok=True)
    for _ in range(3):
        daemon.client.post("/v3/sessions", {"cwd": str(other), "title": "Elsewhere"})
    for _ in range(60):
        daemon.client.post("/v3/sessions", {"cwd": str(daemon.workspace)})

    async def act(editor: Editor) -> None:
        found = await editor.agent.list_sessions(cwd=str(other))
        assert [(each.title, each.cwd) for each in found.sessions] == [("Elsewhere", str(other))] * 3
        assert all(each.updated_at for each in found.sessions)
        seen: list[str] = []
        cursor = None
        while True:
            page = await editor.agent.list_sessions(cursor=cursor)
            seen += [each.session_id for each in page.sessions]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) >= 63

    run(daemon, act)


def test_stdout_carries_only_the_protocol_and_ends_with_the_input(daemon: Daemon) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": 1}}
    no_method = {"jsonrpc": "2.0", "id": 7, "method": "session/no_such"}
    no_params = {"jsonrpc": "2.0", "id": 8, "method": "session/prompt", "params": {}}
    answers = spoken_to(daemon, ["no json", "[1, 2]", "null", "", *map(json.dumps, (hello, no_method, no_params))])
    assert [answer["error"]["code"] for answer in answers if answer["id"] is None] == [-32700, -32600, -32600]
    named = {answer["id"]: answer for answer in answers}
    assert named[1]["result"]["protocolVersion"] == 1
    assert named[7]["error"]["code"] == -32601 and named[8]["error"]["code"] == -32602
