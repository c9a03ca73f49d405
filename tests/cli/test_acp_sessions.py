"""`opta acp`: sessions that go on: loaded, resumed, forked, closed, deleted, in two editors, and through a crash of the daemon."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from acp import RequestError
from acp.helpers import text_block
from support.daemon import OPTA, Daemon
from support.editor import Editor, editor_of, spoken_to
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Think, Use
from support.oracles import until

pytestmark = pytest.mark.system
LONG = [f"word{number} " for number in range(400)]


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last, text = messages[-1], str(messages[-1]["content"])
    if last["role"] == "tool":
        return [Say("It is written.")]
    if "write it" in text:
        return [Think("I should write."), Say("I write. "), Use("write_file", {"path": "made.txt", "content": "one\n"})]
    if "slowly" in text:
        return [Say("".join(LONG), rate=60, size=8)]
    return [Say(f"I heard: {text[-20:]}", size=3)]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with (
        ModelServer(reply) as model,
        Daemon(tmp_path_factory.mktemp("acps"), model_url=model.url, only="gateway,agent,tools,sessions") as it,
    ):
        yield it


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(limit_s(90)):
            await main()

    asyncio.run(bounded())


async def new(editor: Editor, daemon: Daemon) -> str:
    return (await editor.agent.new_session(cwd=str(daemon.workspace), mcp_servers=[])).session_id


def spoken(editor: Editor, sid: str) -> list[tuple[str, str]]:
    """What an editor shows of a session: kind and text, chunks of one kind joined."""
    found: list[tuple[str, str]] = []
    name = ""
    for of, update in editor.updates:
        kind = update.session_update
        if of != sid or kind not in ("user_message_chunk", "agent_message_chunk", "agent_thought_chunk", "tool_call"):
            continue
        text = update.title if kind == "tool_call" else update.content.text
        if found and found[-1][0] == kind != "tool_call" and update.message_id == name:
            found[-1] = (kind, found[-1][1] + text)
        else:
            found.append((kind, text))
        name = getattr(update, "message_id", "")
    return found


def test_load_replays_everything_once_and_then_goes_on(daemon: Daemon) -> None:
    async def main() -> None:
        async with editor_of(daemon) as first, editor_of(daemon) as second:
            sid = await new(first, daemon)
            await first.agent.prompt(session_id=sid, prompt=[text_block("write it")])
            await first.agent.prompt(session_id=sid, prompt=[text_block("hello")])
            await second.agent.load_session(cwd=str(daemon.workspace), session_id=sid, mcp_servers=[])
            replayed = [
                ("user_message_chunk", "write it"),
                ("agent_thought_chunk", "I should write."),
                ("agent_message_chunk", "I write. "),
                ("tool_call", "Write made.txt"),
                ("agent_message_chunk", "It is written."),
                ("user_message_chunk", "hello"),
                ("agent_message_chunk", "I heard: hello"),
            ]
            assert spoken(second, sid) == replayed
            at = next(number for number, message in enumerate(second.wire) if "configOptions" in message.get("result", {}))
            assert sum(message.get("method") == "session/update" for message in second.wire[:at]) >= len(replayed), "before the response"
            [call] = second.calls(sid).values()
            assert call["status"] == "completed" and call["content"][0].new_text == "one\n"
            # Loaded again in the same editor, it is replayed once more, and nothing is shown twice.
            second.updates.clear()
            await second.agent.load_session(cwd=str(daemon.workspace), session_id=sid, mcp_servers=[])
            assert spoken(second, sid) == replayed
            await second.agent.prompt(session_id=sid, prompt=[text_block("again")])
            assert spoken(second, sid) == [*replayed, ("agent_message_chunk", "I heard: again")]

    run(main)


def test_load_has_no_limit(daemon: Daemon) -> None:
    async def main() -> None:
        async with editor_of(daemon) as first, editor_of(daemon) as second:
            sid = await new(first, daemon)
            await first.agent.prompt(session_id=sid, prompt=[text_block("hello")])
            client = daemon.client
            for number in range(1050):
                client.post(f"/v3/sessions/{sid}/note", {"text": f"note {number}"})
            await first.agent.prompt(session_id=sid, prompt=[text_block("again")])
            await second.agent.load_session(cwd=str(daemon.workspace), session_id=sid, mcp_servers=[])
            assert daemon.client.get(f"/v3/sessions/{sid}")["lastSeq"] > 1000, "more than a page of events"
            said = ["hello", "I heard: hello", "again", "I heard: again"]
            assert [text for _, text in spoken(second, sid)] == said

    run(main)


def test_resume_replays_nothing_and_goes_on(daemon: Daemon) -> None:
    async def main() -> None:
        async with editor_of(daemon) as first, editor_of(daemon) as second:
            sid = await new(first, daemon)
            await first.agent.prompt(session_id=sid, prompt=[text_block("hello")])
            answer = await second.agent.resume_session(cwd=str(daemon.workspace), session_id=sid, mcp_servers=[])
            assert answer.modes.current_mode_id == "do" and spoken(second, sid) == []
            await second.agent.prompt(session_id=sid, prompt=[text_block("again")])
            assert spoken(second, sid) == [("agent_message_chunk", "I heard: again")]

    run(main)


def test_fork_goes_on_apart_with_the_same_history(daemon: Daemon) -> None:
    async def main() -> None:
        async with editor_of(daemon) as editor:
            sid = await new(editor, daemon)
            with pytest.raises(RequestError, match="No turn has ended"):
                await editor.agent.fork_session(cwd=str(daemon.workspace), session_id=sid, mcp_servers=[])
            await editor.agent.prompt(session_id=sid, prompt=[text_block("hello")])
            made = (await editor.agent.fork_session(cwd=str(daemon.workspace), session_id=sid, mcp_servers=[])).session_id
            await editor.agent.prompt(session_id=made, prompt=[text_block("apart")])
            assert daemon.client.get(f"/v3/sessions/{made}")["parent"] == sid
            assert daemon.client.get(f"/v3/sessions/{sid}")["turns"] == 1
            await editor.agent.load_session(cwd=str(daemon.workspace), session_id=made, mcp_servers=[])
            assert [text for kind, text in spoken(editor, made) if kind == "user_message_chunk"] == ["hello", "apart"]

    run(main)


def test_a_session_of_another_folder_or_none_is_refused_with_the_reason(daemon: Daemon) -> None:
    async def main() -> None:
        other = daemon.home.parent / "elsewhere"
        other.mkdir(exist_ok=True)
        sid = daemon.session()
        async with editor_of(daemon) as editor:
            with pytest.raises(RequestError, match=f"works in {daemon.workspace}, not in {other}"):
                await editor.agent.load_session(cwd=str(other), session_id=sid, mcp_servers=[])
            with pytest.raises(RequestError) as missing:
                await editor.agent.load_session(cwd=str(other), session_id="zzzzzz", mcp_servers=[])
            assert missing.value.code == -32002
            with pytest.raises(RequestError, match="absolute path"):
                await editor.agent.new_session(cwd="relative", mcp_servers=[])
            with pytest.raises(RequestError, match="no such folder"):
                await editor.agent.new_session(cwd="/no/such/folder", mcp_servers=[])
            with pytest.raises(RequestError, match="is not open in this editor"):
                await editor.agent.prompt(session_id=sid, prompt=[text_block("hello")])

    run(main)


def test_close_ends_the_work_and_delete_can_be_taken_back(daemon: Daemon) -> None:
    async def main() -> None:
        async with editor_of(daemon) as editor:
            sid = await new(editor, daemon)
            working = asyncio.create_task(editor.agent.prompt(session_id=sid, prompt=[text_block("slowly")]))
            await editor.until(lambda: "word1 " in editor.text(), "the first words")
            await editor.agent.close_session(session_id=sid)
            assert (await working).stop_reason == "cancelled"
            assert daemon.client.get(f"/v3/sessions/{sid}")["state"] == "idle"
            # The client of the package has no method for it yet.
            asked = [{"jsonrpc": "2.0", "id": number, "method": "session/delete", "params": {"sessionId": sid}} for number in (1, 2)]
            answers = await asyncio.to_thread(spoken_to, daemon, map(json.dumps, asked))
            assert [answer["result"] for answer in answers] == [{}, {}]
            with pytest.raises(RequestError):
                await editor.agent.load_session(cwd=str(daemon.workspace), session_id=sid, mcp_servers=[])
            assert daemon.opta("sessions", "restore", sid).returncode == 0
            assert daemon.client.get(f"/v3/sessions/{sid}")["turns"] == 1

    run(main)


def test_two_editors_on_one_session_show_the_same_and_end_apart(daemon: Daemon) -> None:
    async def main() -> None:
        async with editor_of(daemon) as first, editor_of(daemon) as second:
            sid = await new(first, daemon)
            await second.agent.resume_session(cwd=str(daemon.workspace), session_id=sid, mcp_servers=[])
            endings = await asyncio.gather(
                first.agent.prompt(session_id=sid, prompt=[text_block("from the first")]),
                second.agent.prompt(session_id=sid, prompt=[text_block("from the other")]),
            )
            assert [ending.stop_reason for ending in endings] == ["end_turn", "end_turn"]
            for editor, theirs in ((first, "from the other"), (second, "from the first")):
                for answer in ("I heard: from the first", "I heard: from the other"):
                    await editor.until(lambda editor=editor, answer=answer: answer in editor.text(sid=sid), "both answers")
                    assert editor.text(sid=sid).count(answer) == 1
                assert editor.text("user_message_chunk", sid) == theirs, "the prompt of the other editor, and no echo"

    run(main)


def test_two_editors_on_two_sessions_do_not_see_each_other(daemon: Daemon) -> None:
    async def main() -> None:
        async with editor_of(daemon) as first, editor_of(daemon) as second:
            sids = [await new(editor, daemon) for editor in (first, second)]
            await asyncio.gather(
                *(
                    editor.agent.prompt(session_id=sid, prompt=[text_block(f"for {sid}")])
                    for editor, sid in zip((first, second), sids, strict=True)
                )
            )
            for editor, sid in zip((first, second), sids, strict=True):
                assert {of for of, _ in editor.updates} == {sid} and editor.text() == f"I heard: for {sid}"

    run(main)


def test_many_sessions_in_one_editor_answer_at_once(daemon: Daemon) -> None:
    async def main() -> None:
        async with editor_of(daemon) as editor:
            sids = [await new(editor, daemon) for _ in range(12)]
            await asyncio.gather(*(editor.agent.prompt(session_id=sid, prompt=[text_block(f"for {sid}")]) for sid in sids))
            assert all(editor.text(sid=sid) == f"I heard: for {sid}" for sid in sids)

    run(main)


@pytest.mark.parametrize("service", ["gateway", "sessions"])
def test_a_killed_service_loses_and_repeats_nothing(daemon: Daemon, service: str) -> None:
    async def main() -> None:
        async with editor_of(daemon) as editor:
            sid = await new(editor, daemon)
            working = asyncio.create_task(editor.agent.prompt(session_id=sid, prompt=[text_block("slowly")]))
            await editor.until(lambda: "word20 " in editor.text(), "the first words")
            await asyncio.to_thread(daemon.kill, service)
            assert (await working).stop_reason == "end_turn"
            assert editor.text() == "".join(LONG)

    run(main)


def test_a_killed_agent_says_where_its_answer_is_repeated_and_load_shows_it_once(daemon: Daemon) -> None:
    async def main() -> None:
        async with editor_of(daemon) as editor:
            sid = await new(editor, daemon)
            working = asyncio.create_task(editor.agent.prompt(session_id=sid, prompt=[text_block("slowly")]))
            await editor.until(lambda: "word20 " in editor.text(), "the first words")
            await asyncio.to_thread(daemon.kill, "agent")
            assert (await working).stop_reason == "end_turn"
            assert editor.text().endswith("word399 ")
            await editor.agent.load_session(cwd=str(daemon.workspace), session_id=sid, mcp_servers=[])
            assert spoken(editor, sid)[-1] == ("agent_message_chunk", "".join(LONG))

    run(main)


def test_an_editor_that_goes_away_leaves_a_task_that_can_be_resumed(daemon: Daemon) -> None:
    async def main(mode: str) -> str:
        async with editor_of(daemon, "--mode", mode) as editor:
            sid = await new(editor, daemon)
            working = asyncio.create_task(editor.agent.prompt(session_id=sid, prompt=[text_block("slowly")]))
            await editor.until(lambda: "word1 " in editor.text(), "the first words")
            working.cancel()
            editor.process.stdin.close()
            assert await asyncio.wait_for(editor.process.wait(), limit_s(10)) == 0
            return sid

    sid = asyncio.run(main("chat"))
    until(lambda: daemon.client.get(f"/v3/sessions/{sid}")["state"] == "idle", "a conversation stops")
    sid = asyncio.run(main("do"))
    kinds = [line["event"] for line in daemon.client.get(f"/v3/sessions/{sid}/events")["events"]]
    assert "turn.pausing" in kinds and "turn.stopping" not in kinds


def test_sigterm_ends_the_agent_with_its_code(daemon: Daemon) -> None:
    async def main() -> None:
        async with editor_of(daemon) as editor:
            await new(editor, daemon)
            editor.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(editor.process.wait(), limit_s(10)) == 143

    run(main)


def test_a_killed_agent_of_an_editor_leaves_a_turn_that_another_editor_loads_once(daemon: Daemon) -> None:
    async def main() -> None:
        async with editor_of(daemon) as editor:
            sid = await new(editor, daemon)
            working = asyncio.create_task(editor.agent.prompt(session_id=sid, prompt=[text_block("slowly")]))
            await editor.until(lambda: "word1 " in editor.text(), "the first words")
            editor.process.kill()
            working.cancel()
            assert await asyncio.wait_for(editor.process.wait(), limit_s(10)) == -signal.SIGKILL
        async with editor_of(daemon) as editor:
            await editor.agent.load_session(cwd=str(daemon.workspace), session_id=sid, mcp_servers=[])
            await editor.until(lambda: editor.text().endswith(LONG[-1]), "the whole answer, which went on without the editor")
            assert spoken(editor, sid)[-1] == ("agent_message_chunk", "".join(LONG))

    run(main)


def test_a_daemon_that_does_not_run_is_started_or_said(tmp_path: Any) -> None:
    with ModelServer(reply) as model:
        daemon = Daemon(tmp_path, model_url=model.url)

        async def refused() -> None:
            async with editor_of(daemon, "--no-daemon-start") as editor:
                with pytest.raises(RequestError, match="No daemon is running in this home"):
                    await new(editor, daemon)

        async def started() -> None:
            async with editor_of(daemon) as editor:
                sid = await new(editor, daemon)
                ended = await editor.agent.prompt(session_id=sid, prompt=[text_block("hello")])
                assert ended.stop_reason == "end_turn"
            assert daemon.opta("status").returncode == 0, "it goes on without the editor"

        try:
            run(refused)
            run(started)
        finally:
            daemon.down()
            assert not daemon.leftovers()


def test_without_the_extra_it_says_how_to_install_it(daemon: Daemon, tmp_path: Any) -> None:
    code = "import sys; sys.modules['acp'] = None; sys.argv = ['opta', 'acp']; from opta_cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=daemon.environment, input="", capture_output=True, text=True, timeout=limit_s(20)
    )
    assert done.returncode == 2 and "agent-client-protocol is not installed" in done.stderr and "Traceback" not in done.stderr
    assert OPTA.exists()
