"""The references: every command of docs/cli.md runs, and actions have the ids of the page."""

import asyncio
import contextlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command_line import run_in_process
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use

from opta_cli import command_tree, main
from opta_cli.actions import ACTIONS, is_page_only
from opta_cli.arguments.config_arguments import PROVIDER_TYPES
from opta_cli.async_client import AsyncClient
from opta_cli.client import Client
from opta_cli.commands.shell_completions import words_after
from opta_cli.help_text import print_group, print_top
from opta_cli.slash_commands import SLASH_COMMANDS
from opta_core.provider_settings import PROVIDER_TYPES as TYPES_OF_SETTINGS

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
LEAVES = dict(command_tree.leaves())

# Commands that take over the process, need a network or change the machine: only their help is run here. Each has tests of its own.
HELP_ONLY = {
    "up": "the daemon of this test runs",
    "tui": "test_full_screen.py",
    "daemon run": "runs until Ctrl-C",
    "acp": "test_acp.py",
    "down": "the daemon of this test is needed",
    "daemon stop": "test_misuse.py",
    "daemon restart": "tests/system",
    "daemon uninstall": "the machine's services",
    "lmx serve": "runs until Ctrl-C",
    "lmx install": "the machine's services",
    "lmx uninstall": "the machine's services",
    "lmx find": "the network",
    "lmx pair": "the network",
    "models pull": "the network",
    "models import": "tests/lmx",
    "models quantise": "tests/lmx",
    "models bench": "tests/lmx",
    "models search": "the files of this machine",
    "models recommend": "the memory of this machine",
    "mcp add": "test_misuse.py",
    "account rotate": "test_end_of_input.py",
    "account add": "test_end_of_input.py",
    "account export": "test_end_of_input.py",
    "account import": "test_end_of_input.py",
}
# Exit codes that an example may have here: without LMX, without a terminal, or on a session that does not need it.
OTHERWISE = {
    "doctor": {0, 1},
    "lmx status": {1},
    "lmx doctor": {0, 1},
    "lmx use-with": {0, 1, 2},
    "lmx forget": {2},
    "lmx keys add": {1},
    "lmx keys list": {1},
    "lmx keys remove": {1},
    "models use": {0, 1, 2},
    "models load": {1, 2},
    "models unload": {1, 2},
    "models pause": {1, 2},
    "policy revoke": {2},
    "mcp approve": {2},
    "mcp remove": {2},
    "account remove": {2},
    "provider remove": {0, 2},
    "config remove-provider": {0, 2},
    "config add-provider": {0, 2},
    "sessions worktree": {1, 2},
    "sessions compact": {0, 1, 2},
    "sessions resume": {1, 2},
    "sessions pause": {1, 2},
    "sessions steer": {1, 2},
    "sessions edit": {1, 2},
    "sessions retry": {0, 4},
    "sessions undo": {0, 1, 2},
    "sessions redo": {0, 1, 2},
    "sessions changes": {0, 2},
    "do": {0, 4},
    "sessions search": {0, 1},
    "policy check": {0},
}


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("It is written.")]
    if "write" in str(last["content"]):
        return [Use("write_file", {"path": "made.txt", "content": "x\n"})]
    return [Say("Hello from the model.", rate=200)]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("ref"), model_url=model.url) as it:
        yield it


@pytest.fixture
def sid(daemon: Daemon) -> str:
    """A session in which a turn has changed a file, and another one has ended."""
    sid = daemon.session(policy="unrestricted", mode="do", interactive=False)
    for text in ("write it", "hello"):
        daemon.follow(sid, daemon.submit(sid, text))
    return sid


@pytest.mark.parametrize("words", LEAVES)
def test_every_command_says_how_it_is_used(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, printed = run_in_process([*words.split(), "--help"], {"OPTA_HOME": str(tmp_path)}, tmp_path, monkeypatch)
    assert code == 0
    assert printed.startswith(f"usage: opta {words}")
    assert f"Example:\n  opta {LEAVES[words].example}" in printed
    # Read, the example is this command.
    assert main.read(shlex.split(LEAVES[words].example))[0].run == LEAVES[words].run


@pytest.mark.parametrize("words", [words for words in LEAVES if words not in HELP_ONLY])
def test_the_example_of_every_command_runs(words: str, daemon: Daemon, sid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    example = shlex.split(LEAVES[words].example.replace("a3b2", sid))
    if words == "sessions restore":
        assert run_in_process(["sessions", "delete", sid, "--yes"], daemon.environment, daemon.workspace, monkeypatch)[0] == 0
    code, printed = run_in_process(example, daemon.environment, daemon.workspace, monkeypatch)
    assert code in OTHERWISE.get(words, {0}), printed
    assert "Traceback" not in printed
    # What fails says so in a sentence.
    assert code == 0 or "opta: " in printed or words in ("doctor", "lmx doctor", "sessions search"), printed


def test_the_reference_has_every_command_and_exit_code() -> None:
    page = (ROOT / "docs/cli.md").read_text()
    for words, command in LEAVES.items():
        assert f"## `opta {words}`" in page and f"opta {command.example}" in page
    assert "| 5 | the turn met a limit" in page


def test_completions_know_every_command_and_option() -> None:
    known = words_after()
    assert set(LEAVES) <= set(known)
    assert "--max-steps" in dict(known["do"]) and "fork" in dict(known["sessions"]) and "do" in dict(known[""])


@pytest.mark.parametrize("columns", [40, 80])
def test_help_fits_into_narrow_terminals(columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    print_top()
    print_group("opta sessions", command_tree.TREE["sessions"], sys.stdout)  # pyright: ignore[reportArgumentType]
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > columns] == []


def test_the_types_of_providers_are_those_of_the_settings() -> None:
    assert PROVIDER_TYPES == TYPES_OF_SETTINGS


def test_actions_have_the_ids_of_the_page() -> None:
    of_page: set[str] = set()
    for file in (ROOT / "desktop/web/src/actions").glob("*.ts"):
        if not file.name.endswith(".test.ts"):
            of_page |= set(re.findall(r"^\s+id: '([a-z.-]+)'", file.read_text(), re.MULTILINE))
    here = [each.id for each in ACTIONS]
    assert len(of_page) > 40 and len(here) == len(set(here))
    assert [each for each in sorted(of_page) if each not in here and not is_page_only(each)] == []


def test_commands_of_actions_exist() -> None:
    for each in ACTIONS:
        if each.command:
            assert main.read(shlex.split(each.command.replace(" TYPE", " openai")))[0] in LEAVES.values()
    assert {each.action for each in SLASH_COMMANDS} - {each.id for each in ACTIONS} == {""}


def test_a_killed_gateway_leaves_the_same_lines_to_an_asynchronous_reader(daemon: Daemon) -> None:
    sid = daemon.session(interactive=False)

    async def read() -> list[bytes]:
        client = AsyncClient(Client(daemon.loaded.paths))
        turn = await client.submit(sid, "hello")
        lines: list[bytes] = []
        async with contextlib.aclosing(client.events(sid)) as events:
            async for line in events:
                lines.append(line)
                if len(lines) == 4:
                    await asyncio.to_thread(daemon.kill, "gateway")
                if b'"event":"turn.done"' in line and f'"turn":"{turn}"'.encode() in line:
                    return lines
        raise AssertionError("the stream ended")

    assert asyncio.run(read()) == daemon.journal(sid)
