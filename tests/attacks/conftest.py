"""One daemon a file; after every attack on it the same oracle."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from support.contained import Place
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import alive, until


def reply(messages: list[dict[str, object]]) -> list[Action]:
    """An answer; one of some seconds when the prompt says slow; a command that says once that it ran when it says run."""
    asked = str(next(message["content"] for message in reversed(messages) if message["role"] == "user"))
    if asked.startswith("run") and messages[-1]["role"] == "user":
        return [Use("run_command", {"command": "echo once >> ran.txt"})]
    return [Say("word " * 40, rate=15)] if "slow" in asked else [Say("Here is an answer.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("attack"), model_url=model.url) as running:
        yield running


@pytest.fixture(scope="module")
def sid(daemon: Daemon) -> str:
    return daemon.session()


@pytest.fixture
def lives_on(daemon: Daemon) -> Generator[None]:
    """O-ALIVE after the test."""
    with alive(daemon):
        yield


@pytest.fixture
def old_token(daemon: Daemon) -> str:
    """The token of the former start; the new start has not yet been guessed at."""
    old = daemon.token
    assert daemon.opta("daemon", "restart", "gateway").returncode == 0
    assert until(lambda: daemon.client.is_ready()[0], 10)
    return old


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A workspace with a sandbox of its own, which is taken down after the test."""
    made = Place(tmp_path)
    yield made
    made.close()
