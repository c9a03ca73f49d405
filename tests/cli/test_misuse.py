"""Misuse of the command line: for each case what is said and the exit code, in one table. Nothing of it is a traceback or a hang.

Commands run in this process, by the same code as `opta`, with a daemon, without one, or with a broken configuration.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command_line import run_in_process as run
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say

from opta_cli.exit_codes import ExitCode

pytestmark = pytest.mark.system

MISUSE, FAILED, NONE, DONE = ExitCode.misuse, ExitCode.failed, ExitCode.no_daemon, ExitCode.done


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    return [Say("Hello from the model.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with (
        ModelServer(reply) as model,
        Daemon(tmp_path_factory.mktemp("misuse"), model_url=model.url, only="gateway,agent,tools,sessions") as it,
    ):
        it.session()
        yield it


# Words of the command line, exit code, a part of what is said.
WITHOUT_A_DAEMON: list[tuple[str, int, str]] = [
    ("sesions list", MISUSE, "Did you mean 'sessions'?"),
    ("sessions lst", MISUSE, "Did you mean 'list'?"),
    ("lmx keyz", MISUSE, "Did you mean 'keys'?"),
    ("nonsense-word", MISUSE, "There is no command 'nonsense-word'."),
    ("sessions", MISUSE, "Usage: opta sessions COMMAND"),
    ("--vers", MISUSE, "There is no option '--vers'."),
    ("do x --lev L2", MISUSE, "Did you mean '--level'?"),
    ("do x --level L9", MISUSE, "--level is 'L9'; it must be one of L1, L2, L3."),
    ("do x --modle y", MISUSE, "Did you mean '--model'?"),
    ("do x --model", MISUSE, "--model needs a value."),
    ("do x --max-steps 0", MISUSE, "--max-steps is '0'; it must be a whole number from 1."),
    ("do x --max-steps many", MISUSE, "--max-steps is 'many'"),
    ("do x --max-minutes nan", MISUSE, "--max-minutes is 'nan'; it must be a number from 0.01"),
    ("do --from-plan t1", MISUSE, "--from-plan names a turn of a session"),
    ("do x --carry", MISUSE, "--carry goes with --worktree."),
    ("do x --attach /no/such/file", MISUSE, "/no/such/file cannot be attached: No such file or directory."),
    ("do x --attach .", MISUSE, "cannot be attached"),
    ("do", MISUSE, 'There is no prompt. Give it as an argument, opta do "…"'),
    ("chat", MISUSE, 'There is no prompt. Give it as an argument, opta chat "…"'),
    ("sessions list --limit 0", MISUSE, "--limit is '0'; it must be a whole number from 1 to 1000."),
    ("sessions list --limit -1", MISUSE, "--limit is '-1'"),
    ("sessions prune --older-than nan", MISUSE, "--older-than is 'nan'; it must be a number from 0"),
    ("sessions prune --older-than -5", MISUSE, "--older-than is '-5'"),
    ("sessions show", MISUSE, "Missing: id."),
    ("sessions export x --format pdf", MISUSE, "--format is 'pdf'; it must be one of markdown, json, text, html."),
    ("sessions list extra", MISUSE, "There is no argument 'extra'."),
    ("daemon logs nope", MISUSE, "There is no service 'nope'."),
    ("daemon logs --lines -3", MISUSE, "--lines is '-3'"),
    ("daemon logs --level loud", MISUSE, "--level is 'loud'"),
    ("daemon restart", NONE, "No daemon is running in this home. Start it: opta up"),
    ("daemon uninstall", MISUSE, "the daemon is not installed for this user"),
    ("status", NONE, "No daemon is running in this home. Start it: opta up"),
    ("status --json", NONE, '{"state":"absent"'),
    ("--no-daemon-start sessions list", NONE, "No daemon is running in this home."),
    ("sessions show x --no-daemon-start", NONE, "No daemon is running in this home."),
    ("do x --no-daemon-start", NONE, "No daemon is running in this home."),
    ("config set max-steps -1", MISUSE, "max-steps is -1; a turn needs at least 1 step."),
    ("config set max-minutes -1", MISUSE, "max-minutes is -1.0; it must be more than 0"),
    ("config set max-minutes nan", MISUSE, "max-minutes takes a number"),
    ("config set max-calls 0", MISUSE, "max-calls is 0; a turn needs at least 1 call."),
    ("config set max-turn-tokens -1", MISUSE, "it must not be negative"),
    ("config set daemon.port 99999", MISUSE, "daemon.port is 99999; it must be from 1 to 65535"),
    ("config set daemon.port 5173", MISUSE, "daemon.port and daemon.ui-port are both 5173"),
    ("config set lmx.host http://box", MISUSE, "it must be the name or the address of a machine"),
    ("config set otel.endpoint nowhere", MISUSE, "it must be an address such as http://127.0.0.1:4318"),
    ("config set default-model nope/x", MISUSE, "'nope/x' names no provider; the providers are lmx"),
    ("config set permissions.timeout_s inf", MISUSE, "permissions.timeout_s takes a number"),
    ("config set max-stepz 5", MISUSE, "Did you mean 'max-steps'?"),
    ("config get nope", MISUSE, "Unknown key 'nope'"),
    ("config add-provider lmx --type lmx", MISUSE, "A provider cannot be named 'lmx'"),
    ("config add-provider a --type openai --base-url nonsense", MISUSE, "it must begin with http:// or https://"),
    ("config add-provider a --type strange", MISUSE, "--type is 'strange'; it must be one of openai, anthropic, lmx."),
    ("provider remove nope", MISUSE, "There is no provider 'nope'."),
    ("mcp add x", MISUSE, "Give either a program"),
    ("mcp add x -- /no/such/program", MISUSE, "There is no program '/no/such/program'."),
    ("mcp add x --url nonsense", MISUSE, "it must begin with http:// or https://"),
    ("mcp add x --env NOEQ -- sh", MISUSE, "--env is 'NOEQ'; it must be NAME=VALUE."),
    ("mcp remove nope", MISUSE, "There is no MCP server 'nope'."),
    ("policy check ls --level 9", MISUSE, "--level is '9'; it must be L1, L2 or L3."),
    ("policy revoke nope", MISUSE, "There is no grant 'nope'."),
    ("account remove nope", MISUSE, "There is no key for 'nope'."),
    ("completions tcsh", MISUSE, "shell is 'tcsh'; it must be one of bash, zsh, fish."),
    ("sessions search nothing-like-this", FAILED, "No session has 'nothing-like-this' in one text."),
]
WITH_A_DAEMON: list[tuple[str, int, str]] = [
    ("do x --cwd /etc/passwd", MISUSE, "--cwd is '/etc/passwd', but it is a file. Name a folder."),
    ("do x --cwd /no/such/folder", MISUSE, "but there is no such folder."),
    ("do x --model scriptd", MISUSE, "Did you mean 'scripted'?"),
    ("do x --model other/thing", MISUSE, "There is no model 'other/thing'."),
    ("do x --session zzzzzz", MISUSE, "There is no session s-zzzzzz."),
    ("do x --cwd / --continue", MISUSE, "There is no session in / yet."),
    ("chat x --once --session zzzzzz", MISUSE, "There is no session s-zzzzzz."),
    ("sessions show zzzzzz", MISUSE, "There is no session s-zzzzzz."),
    ("sessions tools zzzzzz", MISUSE, "There is no session s-zzzzzz."),
    ("sessions delete zzzzzz --yes", MISUSE, "There is no session s-zzzzzz."),
    ("sessions restore zzzzzz", MISUSE, "There is no session s-zzzzzz in the trash or in the archive."),
    ("sessions rename zzzzzz Name", MISUSE, "There is no session s-zzzzzz."),
    ("sessions steer zzzzzz", MISUSE, "There are no words."),
    ("review zzzzzz", MISUSE, "There is no session s-zzzzzz."),
    ("models load scripted/scripted", MISUSE, "is a model of the provider scripted"),
    ("models use nope", MISUSE, "There is no model 'nope'."),
    ("provider add scripted --type openai --base-url http://127.0.0.1:9/v1", MISUSE, "There is a provider scripted already"),
    ("daemon restart nope", MISUSE, "There is no service 'nope'."),
]


@pytest.mark.parametrize(("line", "code", "said"), WITHOUT_A_DAEMON)
def test_misuse_without_a_daemon(line: str, code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    found, printed = run(line.split(" "), {"OPTA_HOME": str(tmp_path / "home")}, tmp_path, monkeypatch)
    assert (found, said in printed) == (code, True), printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(("line", "code", "said"), WITH_A_DAEMON)
def test_misuse_with_a_daemon(daemon: Daemon, line: str, code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, printed = run(line.split(" "), daemon.environment, tmp_path, monkeypatch)
    assert (found, said in printed) == (code, True), printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("status", NONE, "No daemon is running"),
        ("down", DONE, "Nothing was running."),
        ("version", DONE, "opta 0."),
        ("doctor", FAILED, "is not valid TOML"),
        ("daemon logs", DONE, "No log lines"),
        ("config list", MISUSE, "is not valid TOML"),
        ("do x", MISUSE, "Correct that line, or move the file away."),
    ],
)
def test_a_broken_configuration_blocks_only_what_needs_it(
    line: str, code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home/config.toml").write_text("x = [\n")
    found, printed = run(line.split(" "), {"OPTA_HOME": str(tmp_path / "home")}, tmp_path, monkeypatch)
    assert (found, said in printed) == (code, True), printed


def test_a_variable_that_overrides_what_was_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"OPTA_HOME": str(tmp_path / "home"), "OPTA_MAX_STEPS": "3"}
    code, printed = run(["config", "set", "max-steps", "5"], variables, tmp_path, monkeypatch)
    assert (code, "OPTA_MAX_STEPS is '3' here, and overrides config.toml" in printed) == (0, True), printed
    code, printed = run(["config", "unset", "max-steps"], variables, tmp_path, monkeypatch)
    assert (code, "has its default again" in printed) == (0, True), printed


def test_a_stopped_daemon_is_known_within_a_second_by_every_command(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        assert run(["daemon", "stop"], daemon.environment, tmp_path, monkeypatch)[0] == 0
        for line in ("status", "status --json", "sessions list --no-daemon-start", "do x --no-daemon-start", "review --no-daemon-start"):
            code, printed = run(line.split(" "), daemon.environment, tmp_path, monkeypatch)
            assert (code, "stopped" in printed) == (NONE, True), printed
        # A command that needs it starts it again, and says so.
        code, printed = run(["sessions", "list"], daemon.environment, tmp_path, monkeypatch)
        assert (code, "starting the daemon" in printed) == (0, True), printed
    finally:
        daemon.up()
