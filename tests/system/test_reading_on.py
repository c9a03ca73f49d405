"""A model with the real worker: it reads before it overwrites, and reads on in results that were cut, also after a restart."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until
from support.promises import check_journal

pytestmark = pytest.mark.system


class Script:
    """The calls that a model makes, one a step; what it read as results."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.seen: list[dict[str, Any]] = []

    def reply(self, messages: list[dict[str, Any]]) -> list[Action]:
        self.seen = messages
        return [self.actions.pop(0)] if self.actions else [Say("It is done.")]


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, script: Script) -> Iterator[Daemon]:
    with ModelServer(script.reply) as model:
        running = Daemon(tmp_path_factory.mktemp("reading"), model_url=model.url)
        with (running.home / "config.toml").open("a") as config:
            config.write("context = 8192\n")
        with running:
            yield running


def play(daemon: Daemon, script: Script, sid: str, *actions: Action) -> list[str]:
    """What the model reads of the calls of one turn."""
    script.actions = list(actions)
    daemon.follow(sid, daemon.submit(sid, "go"))
    check_journal(daemon.journal(sid))
    last = max(at for at, message in enumerate(script.seen) if message["role"] == "user")
    return [message["content"] for message in script.seen[last:] if message["role"] == "tool"]


def restart_worker(daemon: Daemon) -> None:
    gone = daemon.kill("tools")
    assert until(lambda: daemon.pids().get("tools") not in (None, gone))


def test_a_file_is_overwritten_only_once_it_was_read_also_by_the_next_worker(daemon: Daemon, script: Script) -> None:
    file = daemon.workspace / "kept.txt"
    file.write_text("mine\n")
    sid = daemon.session(mode="do", policy="unrestricted")
    write = Use("write_file", {"path": "kept.txt", "content": "new\n"})
    refused, shown, written = play(daemon, script, sid, write, Use("read_file", {"path": "kept.txt"}), write)
    assert refused.startswith("Error: kept.txt exists and you have not read it in this session")
    assert (shown.split("\n")[0], written) == ("1\tmine", "Wrote kept.txt (1 lines)")
    restart_worker(daemon)
    assert play(daemon, script, sid, Use("write_file", {"path": "kept.txt", "content": "newer\n"})) == ["Wrote kept.txt (1 lines)"]
    file.write_text("a person was here\n")
    (changed,) = play(daemon, script, sid, write)
    assert changed.startswith("Error: kept.txt was changed since you read it")
    assert file.read_text() == "a person was here\n"
