"""The store on unlucky disks and in hostile folders, and text that no line of a journal may break on."""

import contextlib
import os
import stat
import subprocess
import time
from pathlib import Path

import msgspec
import pytest
from support.byte_server import STREAM, ByteServer, event, finish, say
from support.daemon import Daemon
from support.events import journal
from support.journals import DONE, LINES, OTHER, SID, WHOLE, ask, disk, file_of, listed, play, replayed
from support.limits import limit_s
from support.oracles import until_async
from support.promises import check_journal
from support.store import House, prompt, start_of

from opta_agent.providers.base import ModelRequest, TextPart
from opta_agent.providers.openai import OpenAiProvider
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode
from opta_sessions import storage


@pytest.mark.attack("A57")
def test_any_text_of_a_model_is_one_line_each_and_comes_back_byte_for_byte(tmp_path: Path) -> None:
    texts = ["\u2028\u2029\u0085\x0b\x1c\x00\r\n", "\\ud800 \\\\", *["😀" * 4096] * 64]
    raw = event({"choices": [{"delta": {"content": "<>"}}]}).replace(b"<>", rb"a\ud800b\ude00c\ud83d\ude00")

    async def story(house: House) -> None:
        await house.gateway.written(start_of(SID))
        await ask(house)
        provider = OpenAiProvider("p", server.url)
        async for parts in provider.stream(ModelRequest(model="m", messages=msgspec.Raw(b"[]"), tools=msgspec.Raw(b""))):
            for part in parts:
                if isinstance(part, TextPart):
                    house.agent.append(e.TurnToken(sid=SID, turn="t1", delta=part.delta))
        await house.agent.written(DONE)
        lines = await replayed(house)
        check_journal(lines)
        assert file_of(tmp_path).read_bytes() == b"".join(line + b"\n" for line in lines)
        deltas = [found.delta for found in map(wire.decode, lines) if isinstance(found, e.TurnToken)]
        assert "".join(deltas) == "".join(texts) + "a\ufffdb\ufffdc😀"

    with ByteServer(lambda request: [STREAM, *map(say, texts), raw, finish()]) as server:
        play(tmp_path, story)


@pytest.mark.attack("A58")
def test_a_disk_that_is_full_in_the_middle_of_a_turn_ends_it_and_goes_on_when_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PATIENCE_S", 0.3)
    monkeypatch.setattr(storage, "LOOK_AGAIN_S", 0.1)

    async def story(house: House) -> None:
        store = house.local.store
        await house.gateway.written(start_of(SID))
        await ask(house)
        house.agent.append(e.StepStart(sid=SID, turn="t1", step=1, provider="p", model="m", attempt=1))
        await house.agent.written(e.PermissionDecision(sid=SID, turn="t1", callId="c1", decision="allow", by="rule"))
        with open(tmp_path / "filler", "wb", buffering=0) as handle, contextlib.suppress(OSError):  # noqa: ASYNC230 - the disk is full before the story goes on
            while True:
                handle.write(b"x" * 4096)
        for _ in range(60):
            house.agent.append(e.TurnToken(sid=SID, turn="t1", delta="x" * 2000))
        full_at = 0.0

        def out_of_patience() -> bool:
            nonlocal full_at
            store.disk.look()
            full_at = full_at or (time.perf_counter() if store.storage.is_failing else 0.0)
            return bool(full_at) and time.perf_counter() - full_at >= 2 * storage.PATIENCE_S

        assert await until_async(out_of_patience)
        refused = await house.gateway.written(prompt(SID, "x" * 9000))
        assert refused.error is not None and refused.error.code is ErrorCode.storage_full and refused.error.retryable
        shown = await replayed(house)
        assert file_of(tmp_path).read_bytes() == b"".join(line + b"\n" for line in shown)
        (tmp_path / "filler").unlink()
        while (await listed(house))[SID].activeTurn:
            store.disk.look()
        assert (await ask(house, "after")).turn == "t2"
        await house.agent.written(msgspec.structs.replace(DONE, turn="t2"))
        lines = await replayed(house)
        check_journal(lines)
        assert lines == house.local.journal(SID) and lines[: len(shown)] == shown
        ending = next(found for found in map(wire.decode, lines) if isinstance(found, e.TurnError))
        assert (ending.turn, ending.code) == ("t1", "storage_full")

    with disk(tmp_path, "256k"):
        play(tmp_path, story)


@pytest.mark.attack("A59")
def test_a_read_only_folder_is_read_and_takes_nothing_with_a_clear_word(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        assert set(await listed(house)) == {SID, OTHER}
        assert await replayed(house) == LINES
        refused = await ask(house)
        assert refused.error is not None and "written to the disk (Read-only file system)" in refused.error.message

    with disk(tmp_path, "1m"):
        play(tmp_path, replayed, WHOLE)
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        play(tmp_path, story)


@pytest.mark.attack("A59")
def test_what_is_no_journal_is_skipped_and_an_open_journal_is_closed_to_others(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        assert set(await listed(house)) == {SID, OTHER}
        assert stat.S_IMODE(file_of(tmp_path).stat().st_mode) == 0o600
        assert (await ask(house)).status == "written"
        for name in ("aaaaaa", "bbbbbb", "cccccc"):
            assert (await house.gateway.written(prompt(name))).status == "refused"

    play(tmp_path, replayed, WHOLE)
    (tmp_path / "elsewhere").write_bytes(WHOLE)
    file_of(tmp_path, "aaaaaa").mkdir()
    file_of(tmp_path, "bbbbbb").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(file_of(tmp_path, "cccccc"))
    file_of(tmp_path).chmod(0o644)
    play(tmp_path, story)
    assert (tmp_path / "elsewhere").read_bytes() == WHOLE


@pytest.mark.attack("A59")
def test_ten_thousand_sessions_are_listed_at_once(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        for _ in range(2):
            started = time.perf_counter()
            page = await house.client.sessions(limit=50)
            assert time.perf_counter() - started < limit_s(0.3)
            assert len(page.sessions) == 50 and page.nextCursor
            house.local.restart()

    with disk(tmp_path, "256m"):
        play(tmp_path, replayed, WHOLE)
        for number in range(10_000):
            sid = "".join("abcdefghij"[int(digit)] for digit in f"{number:06}")
            file_of(tmp_path, sid).write_bytes(journal(start_of(sid))[0] + b"\n")
        play(tmp_path, story)


@pytest.mark.attack("A59")
@pytest.mark.parametrize("how", ["another user's", "a link to elsewhere"])
def test_a_folder_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path, how: str) -> None:
    daemon = Daemon(tmp_path, model_url="http://127.0.0.1:1/v1")
    sessions, elsewhere = daemon.home / "daemon/sessions", tmp_path / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    sessions.parent.mkdir()
    if how == "another user's":
        sessions.mkdir()
        os.chown(sessions, 12345, 12345)
    else:
        sessions.symlink_to(elsewhere)
    try:
        done = daemon.opta("up", "--no-open", "--detach")
        assert done.returncode in (1, 2)
        assert str(sessions) in done.stderr and "Traceback" not in done.stderr
        assert list(elsewhere.iterdir()) == [] and stat.S_IMODE(elsewhere.stat().st_mode) == 0o755
    finally:
        daemon.down()
