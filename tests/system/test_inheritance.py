"""Nothing that a caller's shell sets runs in a process of the daemon, or changes one."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use

from opta_core.inheritance import NAMES, TABLE, inherited

pytestmark = pytest.mark.system

HOSTILE = (
    "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONBREAKPOINT", "PYTHONPLATLIBDIR",
    "PYTHONPYCACHEPREFIX", "PYTHONMALLOC", "PYTHONTRACEMALLOC", "PYTHONDEVMODE", "PYTHONASYNCIODEBUG", "PYTHON_KEYRING_BACKEND", "LD_PRELOAD",
    "LD_LIBRARY_PATH", "LD_AUDIT", "LD_DEBUG_OUTPUT", "DYLD_INSERT_LIBRARIES", "DYLD_LIBRARY_PATH", "GCONV_PATH", "LOCPATH", "GLIBC_TUNABLES",
    "MALLOC_CHECK_", "BASH_ENV", "ENV", "PROMPT_COMMAND", "SHELLOPTS", "NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "SSLKEYLOGFILE", "OPENSSL_CONF",
    "OPENSSL_MODULES", "GIT_SSH_COMMAND", "GIT_CONFIG_GLOBAL", "GIT_EXEC_PATH", "EDITOR", "PAGER", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HF_ENDPOINT",
    "HF_TOKEN", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS", "UVLOOP_DEBUG", "MLX_HOSTFILE", "COVERAGE_PROCESS_START", "RIPGREP_CONFIG_PATH", "TZDIR",
)  # fmt: skip


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """One command, one search, one word."""
    done = sum(message["role"] == "tool" for message in messages)
    calls: list[Action] = [Use("run_command", {"command": "env"}), Use("grep", {"pattern": "needle"})]
    return [calls[done]] if done < len(calls) else [Say("done")]


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    folder = tmp_path / "evil"
    folder.mkdir()
    program = (
        f"import os, sys\nopen({str(tmp_path / 'ran')!r}, 'a').write(str(os.getpid()) + ' ' + ' '.join(sys.orig_argv[-3:]) + chr(10))\n"
    )
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for place in (folder, folder / f"lib/{version}/site-packages"):
        place.mkdir(parents=True, exist_ok=True)
        for name in ("sitecustomize.py", "usercustomize.py", "evil.py", "zmq.py", "opta_core.py"):
            (place / name).write_text(program if name != "opta_core.py" else program + "raise SystemExit(1)\n")
        (place / "evil.pth").write_text(f"import os; {program.splitlines()[1]}\n".replace("sys.orig_argv[-3:]", "['pth']"))
    return folder


def values(evil: Path) -> dict[str, str]:
    """A hostile value for every variable that names a folder, a file or a module."""
    special = {
        "PYTHONSTARTUP": f"{evil}/evil.py", "PYTHONBREAKPOINT": "evil.run", "PYTHONWARNINGS": "error::evil.Warning", "PYTHONINSPECT": "1",
        "PYTHONMALLOC": "debug", "PYTHONTRACEMALLOC": "5", "PYTHONDEVMODE": "1", "PYTHONASYNCIODEBUG": "1", "PYTHON_KEYRING_BACKEND": "evil.Keyring",
        "LD_PRELOAD": f"{evil}/none.so", "LD_AUDIT": f"{evil}/none.so", "SSLKEYLOGFILE": f"{evil}/keys.log", "LD_DEBUG_OUTPUT": f"{evil}/debug",
    }  # fmt: skip
    return {name: special.get(name, str(evil)) for name in HOSTILE}


@pytest.mark.attack("A43")
def test_no_process_of_the_daemon_runs_or_sees_what_a_shell_prepared(evil: Path, tmp_path: Path) -> None:
    with ModelServer(reply) as model:
        daemon = Daemon(tmp_path, model_url=model.url, only="gateway,agent,tools,sessions,desktop,lmx")
        # With these the command itself could not start; what it passes on is what counts, so they are set inside it.
        broken = {"PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONINSPECT", "PYTHONDEVMODE", "PYTHONPATH"}
        hostile = values(evil)
        daemon.environment |= {name: value for name, value in hostile.items() if name not in broken}
        program = f"import os, sys; os.environ.update({ {name: hostile[name] for name in broken}!r}); from opta_cli.main import main; sys.exit(main())"
        daemon.starter = [sys.executable, "-I", "-c", program]
        with daemon:
            for service in ("gateway", "sessions", "agent", "tools", "desktop", "lmx"):
                daemon.kill(service)
            daemon.up()
            (daemon.workspace / "a").write_text("needle\n")
            sid = daemon.session(mode="do", policy="unrestricted")
            daemon.follow(sid, daemon.submit(sid, "go"))
            pids = [daemon.supervisor().pid(), *daemon.pids().values(), daemon.engine_pid()]
            found = {pid: _environment_of(pid) for pid in [*pids, *_below(pids)]}
            journal = b"\n".join(daemon.journal(sid)).decode()
        assert len(found) >= 8
        for pid, environment in found.items():
            # The engine has a matrix library of the machine before it, named by LMX itself.
            kept = {name for name in HOSTILE if environment.get(name) == hostile[name]}
            assert kept == set(), pid
        ran = (tmp_path / "ran").read_text() if (tmp_path / "ran").exists() else ""
        assert [line for line in ran.splitlines() if int(line.split()[0]) in found] == []
        assert str(evil) not in journal
        assert not (evil / "keys.log").exists()


@pytest.mark.attack("A43")
def test_variables_of_a_shell_that_python_reads_change_no_process_of_the_daemon(evil: Path, tmp_path: Path) -> None:
    """Unlike in the test above, the user's command itself runs with these variables."""
    with ModelServer(reply) as model:
        daemon = Daemon(tmp_path, model_url=model.url)
        (evil / "opta_core.py").unlink()
        (evil / "zmq.py").unlink()
        hostile = values(evil)
        names = ("PYTHONPATH", "PYTHONUSERBASE", "PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHON_KEYRING_BACKEND")
        daemon.environment |= {name: hostile[name] for name in names}
        with daemon:
            ours = {daemon.supervisor().pid(), *daemon.pids().values()}
        ran = (tmp_path / "ran").read_text() if (tmp_path / "ran").exists() else ""
        assert [line for line in ran.splitlines() if int(line.split()[0]) in ours or "opta_" in line.partition(" ")[2]] == []


def test_the_table_names_each_variable_once_and_why() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(len(line.split(maxsplit=1)) == 2 for line in TABLE.strip().splitlines())
    assert inherited(dict.fromkeys(HOSTILE, "x")) == {}
    assert inherited({"PATH": "a", "LC_ALL": "b", "OPTA_HOME": "c", "LC": "d"}) == {"PATH": "a", "LC_ALL": "b", "OPTA_HOME": "c"}


def _environment_of(pid: int) -> dict[str, str]:
    try:
        content = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    return dict(entry.decode(errors="replace").partition("=")[::2] for entry in content.split(b"\0") if entry)


def _below(pids: list[int]) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split()
    pairs = [(int(listed[at]), int(listed[at + 1])) for at in range(0, len(listed), 2)]
    found = set(pids)
    while more := {pid for pid, parent in pairs if parent in found} - found:
        found |= more
    return sorted(found - set(pids))
