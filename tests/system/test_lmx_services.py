"""LMX kept alive without the daemon: by a supervisord of its own, and by the files for launchd and systemd."""

import json
import os
import plistlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import chat, get, port_of
from support.oracles import until

from opta_cli.lmx import machine_checks as lmx_doctor
from opta_core.process import service_files

pytestmark = pytest.mark.system


def test_a_separate_supervisord_restarts_lmx(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, only="lmx")
    daemon.loaded.paths.make()
    file = tmp_path / "supervisord.conf"
    file.write_text(service_files.supervisord(sys.executable, str(daemon.home), str(daemon.home / "daemon/logs")))
    command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(file)]
    with subprocess.Popen(command, env=daemon.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            assert until(lambda: port_of(daemon) != 0 and get(port_of(daemon), "/readyz").status == 200, 30)
            first = json.loads(get(port_of(daemon), "/readyz").body)["pid"]
            front = int(Path(f"/proc/{first}/stat").read_text(errors="replace").split()[3])
            os.kill(front, signal.SIGKILL)
            assert until(lambda: is_ready(daemon) and json.loads(get(port_of(daemon), "/readyz").body)["pid"] != first, 30)
            assert chat(port_of(daemon), max_tokens=2).status == 200
            assert not Path(f"/proc/{first}").exists()
        finally:
            process.terminate()
            assert process.wait(limit_s(30)) == 0


def is_ready(daemon: Daemon) -> bool:
    try:
        return get(port_of(daemon), "/readyz").status == 200
    except OSError:
        return False


def test_the_files_for_launchd_and_systemd_start_lmx_in_this_home() -> None:
    agent = plistlib.loads(service_files.launch_agent("/p/python", "/h", "/l").encode())
    assert agent["ProgramArguments"] == ["/p/python", "-I", "-u", "-m", "opta_lmx"]
    assert agent["EnvironmentVariables"]["OPTA_HOME"] == "/h"
    assert (agent["KeepAlive"], agent["RunAtLoad"], agent["Label"]) == (True, True, "ai.opta.lmx")
    unit = service_files.systemd("/p/python", "/h")
    assert "ExecStart=/p/python -I -u -m opta_lmx\n" in unit
    assert "Restart=always" in unit


def test_the_doctor_reads_what_macos_says() -> None:
    name, ok, detail = lmx_doctor.wired_limit("0\n", 524_288)
    assert (name, ok) == ("wired limit", False)
    assert "sudo sysctl iogpu.wired_limit_mb=471860" in detail
    assert lmx_doctor.wired_limit("480000", 524_288)[1]
    assert "wired_limit_mb=24576" in lmx_doctor.wired_limit("", 32_768)[2]
    assert lmx_doctor.sleep(" sleep                0 (sleep prevented by powerd)\n disksleep 10\n")[1]
    asleep = lmx_doctor.sleep("System-wide power settings:\n displaysleep         10\n sleep                15\n")
    assert not asleep[1]
    assert "15 min" in asleep[2]
    assert "Local Network" in lmx_doctor.local_network("studio.local:1234")[2]


def test_installing_says_what_it_would_write_or_why_it_cannot(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    shown = daemon.opta("lmx", "install", "--print")
    assert ("opta_lmx" in shown.stdout) or ("ops/lmx/supervisord.conf" in shown.stderr)
    assert not (daemon.home / "daemon/state.json").exists()
