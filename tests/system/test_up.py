"""`opta up` in the foreground: one line when it is ready, one daemon a home, an orderly end."""

import re
import signal
import subprocess
from pathlib import Path

import pytest
from support.daemon import OPTA, Daemon
from support.limits import limit_s
from support.oracles import until

pytestmark = pytest.mark.system


def test_up_in_the_foreground_ends_in_order_on_ctrl_c(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, only="gateway,agent,tools,sessions,desktop")
    up = subprocess.Popen([str(OPTA), "up", "--no-open", "--only", daemon.only], env=daemon.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert up.stdout is not None
        assert re.fullmatch(r"Opta is ready: http://127\.0\.0\.1:\d+/\?launch=\S+\n", up.stdout.readline())
        again = daemon.opta("up", "--no-open")
        assert (again.returncode, again.stdout.startswith("Opta is already running")) == (0, True)
        up.send_signal(signal.SIGINT)
        assert up.wait(limit_s(20)) == 0
    finally:
        up.kill()
        up.wait()
        up.stdout.close() if up.stdout else None
    assert daemon.leftovers() == []
    assert daemon.opta("status").returncode == 3


def test_six_starts_at_once_make_one_daemon(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, only="gateway,agent,tools,sessions")
    command = [str(OPTA), "up", "--no-open", "--detach", "--only", daemon.only]
    starts = [
        subprocess.Popen(command, env=daemon.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(6)
    ]
    try:
        said = [start.communicate(timeout=limit_s(90)) for start in starts]
        assert [start.returncode for start in starts] == [0] * 6, said
        assert sum(out.startswith("Opta is ready") for out, _ in said) == 1
        assert sum(out.startswith("Opta is already running") for out, _ in said) == 5
    finally:
        daemon.down()
    assert daemon.leftovers() == []


def test_stopping_and_starting_keeps_every_session(tmp_path: Path) -> None:
    with Daemon(tmp_path, only="gateway,agent,tools,sessions") as daemon:
        sid = daemon.session(title="kept")
        before = daemon.journal(sid)
        daemon.down()
        assert daemon.leftovers() == []
        daemon.up()
        assert daemon.client.get(f"/v3/sessions/{sid}")["title"] == "kept"
        assert daemon.journal(sid) == before
        daemon.client.ask("DELETE", f"/v3/sessions/{sid}")
        trash = daemon.home / "daemon/trash"
        assert until(lambda: any(trash.glob("*.jsonl")), 5)
        (trashed,) = trash.glob("*.jsonl")
        assert trashed.read_bytes().splitlines()[: len(before)] == before
