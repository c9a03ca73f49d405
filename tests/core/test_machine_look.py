"""What is seen from outside of a process: that it is suspended, down or cut off, and that the clock was set."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.oracles import until
from support.supervisord import supervisord

from opta_core import clock
from opta_core.paths import Paths
from opta_core.triage import machine_look
from opta_core.triage.clock_anchor import ClockAnchor
from opta_core.triage.machine_look import machine_facts, process_hops, process_state, settings_problem


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(tmp_path / "home")
    made.make()
    return made


def test_a_process_runs_is_suspended_and_is_down() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_state(child.pid) == "ok"
    child.send_signal(signal.SIGSTOP)
    assert until(lambda: process_state(child.pid) == "suspended")
    child.kill()
    assert until(lambda: process_state(child.pid) == "down")
    child.communicate()
    assert process_state(child.pid) == "down"


def test_without_supervisord_nothing_is_claimed_of_the_services(paths: Paths) -> None:
    hops = {hop.name: hop.state for hop in process_hops(paths)}
    assert hops.pop("supervisord") == "down"
    assert set(hops.values()) == {"unknown"}


def test_a_supervisord_that_is_alive_and_does_not_answer_is_silent_or_suspended(paths: Paths) -> None:
    (paths.run / "supervisord.pid").write_text(f"{os.getpid()}\n")
    (hop,) = [hop for hop in process_hops(paths) if hop.name == "supervisord"]
    assert (hop.state, hop.pid) == ("silent", os.getpid())


def test_a_restart_is_news_of_the_process_and_a_first_start_is_not(paths: Paths) -> None:
    with supervisord(paths.run):
        (paths.run / "supervisord.pid").write_text("1")
        os.utime(paths.run / "supervisord.pid", (9, 9))
        (gateway,) = [hop for hop in process_hops(paths) if hop.name == "gateway"]
        # It started at 10 and supervisord at 9.
        assert gateway.restartedS is None
        (paths.run / "gateway.starts").write_text(json.dumps([9.5, 10.0]))
        (gateway,) = [hop for hop in process_hops(paths) if hop.name == "gateway"]
        assert gateway.restartedS == 10.0


def test_the_clock_is_compared_with_one_that_only_goes_forward(paths: Paths) -> None:
    anchor = ClockAnchor()
    assert abs(anchor.jump_s()) < 1
    try:
        clock.set_wall(lambda: time.time() + 3_600)
        assert 3_590 < machine_facts(paths, anchor).clockJumpS < 3_610
        clock.set_wall(lambda: time.time() - 60)
        assert -70 < anchor.jump_s() < -50
    finally:
        clock.set_wall()


def test_settings_that_cannot_be_read_are_a_sentence(paths: Paths) -> None:
    assert settings_problem(paths) == ""
    paths.config.write_text("[[[")
    assert "config.toml is not valid TOML" in settings_problem(paths)


def test_the_look_at_a_hung_supervisord_ends_in_time(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(machine_look, "SUPERVISOR_S", 0.2)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(paths.run / "supervisor.sock"))
        listening.listen(4)
        (paths.run / "supervisord.pid").write_text(str(os.getpid()))
        began = time.monotonic()
        assert next(iter(process_hops(paths))).state == "silent"
        assert time.monotonic() - began < 5
