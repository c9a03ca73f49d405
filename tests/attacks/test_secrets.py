"""Keys and tokens are nowhere but where they are kept, and what is kept is the owner's alone."""

import contextlib
import json
import os
import stat
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from support.aftermath import places_of, stays_alive
from support.byte_server import RESET, STREAM, ByteServer, Piece, Request, event, finish, say, use, whole
from support.daemon import Daemon
from support.promises import check_journal

pytestmark = pytest.mark.system

KEY = "canary-key-0123456789abcdef-LAST"
COMMANDS = {"environment": "env; cat /proc/self/environ /proc/$PPID/environ", "failing": "echo $OPTA_TOKEN >&2; exit 3"}
PROMPTS = ["fine", "thinking", "401", "403", "404", "500", "error", "HTML", "cut", "bad call", *COMMANDS]


def reply(request: Request) -> list[Piece]:
    """Answers that give away as much as a server can: each refusal holds the whole request."""
    asked = request.prompt
    echo = json.dumps({"error": {"message": request.head.decode()}}).encode()
    if request.body["messages"][-1]["role"] == "tool":
        return [STREAM, say("done"), finish()]
    if asked.isdigit():
        return [whole(int(asked), echo)]
    if asked in COMMANDS:
        call = {"index": 0, "id": "c", "function": {"name": "run_command", "arguments": json.dumps({"command": COMMANDS[asked]})}}
        return [STREAM, use(call), finish("tool_calls")]
    match asked:
        case "thinking":
            return [STREAM, event({"choices": [{"delta": {"reasoning_content": "hm"}}]}), say("fine"), finish()]
        case "error":
            return [STREAM, b"data: " + echo + b"\n\n"]
        case "HTML":
            return [whole(200, b"<html>" + request.head)]
        case "cut":
            return [STREAM, say("half"), RESET]
        case "bad call":
            return [STREAM, use({"index": 0, "id": "c", "function": {"name": "grep", "arguments": '{"pattern": '}}), finish("tool_calls")]
        case _:
            return [STREAM, say("fine"), finish()]


@pytest.fixture(scope="module")
def model() -> Iterator[ByteServer]:
    with ByteServer(reply) as server:
        yield server


@pytest.fixture(scope="module")
def daemon(model: ByteServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("secrets")
    daemon = Daemon(folder, model_url=model.url, config="vault-file = true\n")
    daemon.environment |= {
        "OPTA_LOG_LEVEL": "debug",
    }
    added = daemon.opta(
        "config", "add-provider", "scripted", "--type=openai", f"--base-url={model.url}", "--key-stdin", "--replace", stdin=KEY + "\n"
    )
    assert added.returncode == 0 and KEY not in added.stdout + added.stderr
    with daemon:
        yield daemon


@pytest.mark.attack("A74")
def test_after_thirty_turns_and_two_crashes_no_secret_is_anywhere(daemon: Daemon, model: ByteServer) -> None:
    tokens = [daemon.token]
    said: list[str] = []
    with stays_alive(daemon):
        turns = [(sid := daemon.session(mode="do", policy="unrestricted"), daemon.submit(sid, prompt)) for prompt in PROMPTS * 3]
        daemon.kill("agent")
        daemon.kill("gateway")
        for sid, turn in turns:
            daemon.follow(sid, turn)
            check_journal(daemon.journal(sid))
        tokens.append(daemon.token)
        for arguments in (["do", "401"], ["do", "error"], ["sessions", "show", "nothing"], ["config", "get", "providers.scripted.key"]):
            done = daemon.opta(*arguments)
            said.append(done.stdout + done.stderr)
    assert len(model.requests) > 30 and all(KEY.encode() in request.head for request in model.requests)
    assert tokens[0] != tokens[1]
    # Of a key its last four characters may be shown.
    assert places_of(daemon, [KEY[:-4], *tokens], *said) == []


@pytest.mark.attack("A74")
def test_no_process_leaves_its_memory_in_a_core_file(daemon: Daemon) -> None:
    for pid in daemon.pids().values():
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert next(line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file size")) == ["0", "0"]


@contextlib.contextmanager
def umask(mask: int) -> Generator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.attack("A76")
def test_whatever_the_umask_all_files_are_the_owners_alone(model: ByteServer, tmp_path: Path) -> None:
    # Every other mask only takes modes away.
    with umask(0), Daemon(tmp_path, model_url=model.url) as daemon:
        sid = daemon.session()
        daemon.follow(sid, daemon.submit(sid, "fine"))
        assert daemon.opta("config", "set", "max-steps", "7").returncode == 0
        assert daemon.opta("sessions", "export", sid, f"--output={tmp_path}/export.md").returncode == 0
        assert daemon.opta("open", "--no-open").returncode == 0
        home = daemon.home / "daemon"
        found = [tmp_path / "export.md", daemon.home / "config.toml", daemon.loaded.paths.run, home, *home.rglob("*")]
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in {*found, *daemon.loaded.paths.run.rglob("*")}}
        assert {str(path): oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
        assert {oct(mode) for path, mode in modes.items() if path.is_dir()} == {"0o700"}
        assert {oct(modes[home / name]) for name in ("token", "state.json", f"sessions/{sid}.jsonl", "logs/gateway.log")} == {"0o600"}
        assert any(path.is_socket() for path in modes) and any(path.suffix == ".pid" for path in modes)
        assert daemon.token not in (home / "state.json").read_text()


LINKS = [
    *("token", "state.json", "logs", "logs/gateway.log", "logs/supervisord.stderr", "sessions/index.lines", "sessions/abcdef.jsonl"),
    *("run", "run/store.in", "run/supervisor.sock", "run/supervisord.pid", "run/supervisord.conf", "run/gateway.lock", "run/up.lock"),
    *("run/agent.incarnation", "trash", "archive"),
]


@pytest.mark.attack("A76")
def test_a_link_laid_at_any_of_our_paths_is_refused_and_its_target_untouched(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, model_url="http://127.0.0.1:1/v1")
    target, folder = tmp_path / "target", tmp_path / "folder"
    target.write_text("untouched")
    target.chmod(0o644)
    folder.mkdir()
    folder.chmod(0o755)
    try:
        for name in LINKS:
            # With a long home the sockets' folder is elsewhere.
            first, _, rest = name.partition("/")
            link = daemon.loaded.paths.run / rest if first == "run" else daemon.home / "daemon" / name
            link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            link.symlink_to(target if "." in name or name == "token" else folder)
            done = daemon.opta("up", "--no-open", "--detach")
            assert (done.returncode, str(link) in done.stderr) == (2, True), (name, done.stderr)
            link.unlink()
    finally:
        daemon.down()
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("untouched", 0o644)
    assert (list(folder.iterdir()), stat.S_IMODE(folder.stat().st_mode)) == ([], 0o755)
    assert daemon.leftovers() == []
