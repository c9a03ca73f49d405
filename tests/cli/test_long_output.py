"""Long output goes through the pager, long work says so, and the notices of `--watch` reach the desktop."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import OPTA, Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until
from support.terminal import Terminal

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("It is written.\n" * 60)]
    if "write" in str(last["content"]):
        return [Use("write_file", {"path": "made.txt", "content": "".join(f"line {number}\n" for number in range(80))})]
    return [Say("Hello from the model.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with (
        ModelServer(reply) as model,
        Daemon(tmp_path_factory.mktemp("long"), model_url=model.url, only="gateway,agent,tools,sessions") as it,
    ):
        for number in range(60):
            it.client.post("/v3/sessions", {"cwd": str(it.workspace), "title": f"Session number {number}"})
        yield it


@pytest.fixture(scope="module")
def sid(daemon: Daemon) -> str:
    sid = daemon.session(policy="unrestricted", mode="do", interactive=False)
    daemon.follow(sid, daemon.submit(sid, "write it"))
    return sid


@pytest.mark.parametrize(
    "words",
    [
        "sessions list --limit 60",
        "sessions show SID",
        "sessions changes SID",
        "review SID",
        "daemon logs --lines 100",
        "sessions prune --older-than 0",
    ],
)
def test_what_does_not_fit_the_terminal_goes_through_the_pager(daemon: Daemon, sid: str, tmp_path: Path, words: str) -> None:
    if words.startswith("daemon logs"):
        with (daemon.home / "daemon/logs/agent.log").open("a") as log:
            log.writelines(f"2026-03-01 14:23:{number % 60:02}.000 INFO agent  a line of the test\n" for number in range(80))
    command = f"env PAGER='sed s/^/paged:/' {OPTA} {words.replace('SID', sid)}; echo exit=$?; sleep 60"
    terminal = Terminal(tmp_path / "tmux", daemon.environment, daemon.workspace, command)
    try:
        assert until(lambda: "exit=" in terminal.screen(), limit_s(20)), terminal.screen()
        assert terminal.screen().count("paged:") > 40 and "exit=0" in terminal.screen(), terminal.screen()
    finally:
        terminal.close()
    # In a pipe, nothing stands between.
    assert "paged:" not in daemon.opta(*words.replace("SID", sid).split(), PAGER="sed s/^/paged:/").stdout


def test_times_for_people_are_local_and_named(daemon: Daemon, sid: str) -> None:
    for words in (["sessions", "list", "--limit", "2"], ["sessions", "search", "write"], ["sessions", "prune", "--older-than", "0"]):
        printed = daemon.opta(*words, TZ="Asia/Tokyo").stdout
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d JST", printed), printed
        assert not re.search(r"\d\dZ|UTC", printed), printed


def test_logs_are_followed_until_ctrl_c(daemon: Daemon) -> None:
    log = daemon.home / "daemon/logs/agent.log"
    command = [str(OPTA), "daemon", "logs", "agent", "-f", "--level", "warning"]
    with subprocess.Popen(command, env=daemon.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as following:
        assert following.stdout is not None
        os.set_blocking(following.stdout.fileno(), False)
        seen = bytearray()

        def read() -> bytes:
            assert following.stdout is not None
            seen.extend(following.stdout.read() or b"")
            return bytes(seen)

        for number, level in enumerate(("WARNING", "INFO", "ERROR")):
            assert until(lambda: following.poll() is None, 5)
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            with log.open("a") as handle:
                handle.write(f"{stamp}.000 {level} agent  line{number} of the test\n")
            if level != "INFO":
                assert until(lambda number=number: f"line{number} ".encode() in read(), limit_s(10)), bytes(seen)
        assert b"line1 " not in read()
        following.send_signal(signal.SIGINT)
        assert following.wait(limit_s(10)) == 130


def test_watch_notifies_the_desktop_of_a_question_and_of_the_end(daemon: Daemon, tmp_path: Path) -> None:
    programs, said = tmp_path / "programs", tmp_path / "said"
    programs.mkdir()
    (programs / "notify-send").write_text(f'#!/bin/sh\nprintf "%s|" "$@" >>{said}\necho >>{said}\n')
    (programs / "notify-send").chmod(0o755)
    command = f"env PATH={programs}:$PATH {OPTA} do 'write it' --watch; echo exit=$?; sleep 60"
    terminal = Terminal(tmp_path / "tmux", daemon.environment, daemon.workspace, command)
    try:
        assert until(lambda: said.exists() and "Opta asks" in said.read_text(), limit_s(30)), terminal.screen()
        terminal.type_until(lambda screen: "exit=" in screen, "the end", "y", "Enter")
        assert until(lambda: "done" in said.read_text(), limit_s(10)), said.read_text()
    finally:
        terminal.close()


def test_prune_says_what_it_moves_in_words_and_as_json(daemon: Daemon) -> None:
    for number in range(2):
        daemon.client.post("/v3/sessions", {"cwd": str(daemon.workspace), "title": f"To prune {number}"})
    listed = json.loads(daemon.opta("sessions", "prune", "--older-than", "0", "--json").stdout)
    assert listed["moved"] == [] and len(listed["sessions"]) > 2
    moved = json.loads(daemon.opta("sessions", "prune", "--older-than", "0", "--yes", "--json").stdout)
    assert len(moved["moved"]) == len(listed["sessions"])
    again = daemon.opta("sessions", "prune", "--older-than", "0", "--yes")
    assert again.returncode == 0 and "No session is older" in again.stderr


def test_a_fork_is_named_as_json(daemon: Daemon) -> None:
    sid = daemon.session(interactive=False)
    daemon.follow(sid, daemon.submit(sid, "hello"))
    made = json.loads(daemon.opta("sessions", "fork", sid, "--json").stdout)
    assert made["parent"] == sid and made["id"] != sid
