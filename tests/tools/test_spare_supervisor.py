"""The processes of sandboxes are not lost: one spare supervisor is kept, every other one is ended; a killed probe is repeated."""

import asyncio
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from support.contained import Place
from support.limits import limit_s
from support.oracles import until_async

from opta_tools.sandbox.contained import ContainedProcess
from opta_tools.sandbox.supervisors import Supervisors


def test_a_supervisor_that_is_given_back_is_the_next_one_and_a_further_one_is_ended() -> None:
    supervisors = Supervisors()
    first, second = supervisors.take(), supervisors.take()
    supervisors.give_back(*first)
    supervisors.give_back(*second)
    assert second[0].returncode is not None
    assert supervisors.take()[0] is first[0]
    supervisors.give_back(*first)
    supervisors.close()
    assert first[0].returncode is not None


def test_nothing_is_kept_once_it_is_closed() -> None:
    supervisors = Supervisors()
    taken = supervisors.take()
    supervisors.close()
    supervisors.give_back(*taken)
    assert taken[0].returncode is not None


def test_a_command_that_is_cancelled_while_its_sandbox_is_made_loses_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take, may_go_on = Supervisors.take, threading.Event()
    taken: list[tuple[subprocess.Popen[bytes], socket.socket]] = []

    def late(supervisors: Supervisors) -> "tuple[subprocess.Popen[bytes], socket.socket]":
        taken.append(take(supervisors))
        may_go_on.wait(limit_s(5))
        return taken[-1]

    kept: list[int] = []
    give_back = Supervisors.give_back

    def noted(supervisors: Supervisors, process: "subprocess.Popen[bytes]", control: socket.socket) -> None:
        give_back(supervisors, process, control)
        kept.append(process.pid)

    place = Place(tmp_path)
    monkeypatch.setattr(Supervisors, "take", late)
    monkeypatch.setattr(Supervisors, "give_back", noted)

    async def cancelled() -> None:
        command = asyncio.ensure_future(place.command("true"))
        await until_async(lambda: bool(taken), limit_s(5))
        command.cancel()
        await asyncio.wait([command])
        may_go_on.set()
        assert await until_async(lambda: bool(kept), limit_s(5))

    place.wait(cancelled())
    place.close()
    assert kept == [taken[0][0].pid]
    assert taken[0][0].returncode is not None


def test_a_supervisor_is_not_lost_when_the_event_loop_ends_before_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    take, may_go_on, begun, kept = Supervisors.take, threading.Event(), threading.Event(), threading.Event()

    def late(supervisors: Supervisors) -> "tuple[subprocess.Popen[bytes], socket.socket]":
        begun.set()
        may_go_on.wait(limit_s(5))
        taken.append(take(supervisors))
        return taken[-1]

    give_back = Supervisors.give_back

    def noted(supervisors: Supervisors, process: "subprocess.Popen[bytes]", control: socket.socket) -> None:
        give_back(supervisors, process, control)
        kept.set()

    taken: list[tuple[subprocess.Popen[bytes], socket.socket]] = []
    monkeypatch.setattr(Supervisors, "take", late)
    monkeypatch.setattr(Supervisors, "give_back", noted)
    supervisors = Supervisors()

    async def cancelled() -> None:
        waiting = asyncio.ensure_future(supervisors.taken())
        assert await until_async(begun.is_set, limit_s(5))
        waiting.cancel()
        await asyncio.wait([waiting])

    # The loop waits for its own threads at its end.
    late_word = threading.Timer(0.2, may_go_on.set)
    late_word.start()
    asyncio.run(cancelled())
    late_word.join()
    assert kept.wait(limit_s(5))
    supervisors.close()
    assert taken[0][0].returncode is not None


def counted_takes(monkeypatch: pytest.MonkeyPatch) -> "list[tuple[subprocess.Popen[bytes], socket.socket]]":
    """The supervisors that were taken, as they are."""
    take = Supervisors.take
    taken: list[tuple[subprocess.Popen[bytes], socket.socket]] = []

    def noted(supervisors: Supervisors) -> "tuple[subprocess.Popen[bytes], socket.socket]":
        taken.append(take(supervisors))
        return taken[-1]

    monkeypatch.setattr(Supervisors, "take", noted)
    return taken


def test_commands_of_a_new_session_that_arrive_together_share_one_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path)
    taken = counted_takes(monkeypatch)

    async def together() -> None:
        outcomes = await asyncio.gather(*(place.command(f"echo {number}", session="new") for number in range(4)))
        assert [outcome.content for outcome in outcomes] == [str(number) for number in range(4)]

    place.wait(together())
    place.close()
    assert len(taken) == 1
    assert taken[0][0].returncode is not None


def test_a_sandbox_that_is_closed_while_it_is_made_loses_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path)
    take, is_taken, may_go_on = Supervisors.take, threading.Event(), threading.Event()
    taken: list[tuple[subprocess.Popen[bytes], socket.socket]] = []

    def late(supervisors: Supervisors) -> "tuple[subprocess.Popen[bytes], socket.socket]":
        taken.append(take(supervisors))
        is_taken.set()
        may_go_on.wait(limit_s(5))
        return taken[-1]

    monkeypatch.setattr(Supervisors, "take", late)

    async def closed() -> None:
        command = asyncio.ensure_future(place.command("echo ran"))
        assert await until_async(is_taken.is_set, limit_s(5))
        closing = asyncio.ensure_future(place.sandbox.close())
        await asyncio.sleep(0)
        may_go_on.set()
        await closing
        assert "Error: the sandbox could not be made: its session has ended" in (await command).content

    place.wait(closed())
    place.close()
    assert [process.returncode is not None for process, _ in taken] == [True]


def test_a_probe_whose_command_is_killed_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, codes = ContainedProcess.ended, [-signal.SIGKILL]

    async def first_killed(process: ContainedProcess) -> int:
        code = await ended(process)
        return codes.pop() if codes else code

    monkeypatch.setattr(ContainedProcess, "ended", first_killed)
    Place(tmp_path).close()
    assert not codes
