"""opta daemon install, uninstall: the service manager of the system starts the daemon at every login."""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from opta_core.errors import OptaError, Refused
from opta_core.process import service_files

from ..exit_codes import ExitCode
from ..plain_text import print_plain
from ..progress_bars import waiting

WAIT_S = 30


class ServiceFile(NamedTuple):
    """Where the file is, what is in it, and the commands that start and stop its service."""

    path: Path
    text: str
    start: list[str]
    stop: list[str]


def install(loaded: Any, args: argparse.Namespace) -> int:
    """opta daemon install [--print]"""
    file = service_file(loaded, sys.platform)
    if args.print:
        print_plain(file.text.rstrip())
        return ExitCode.done
    loaded.paths.make()
    file.path.parent.mkdir(parents=True, exist_ok=True)
    file.path.write_text(file.text)
    with waiting("starting the daemon"):
        _run(file.start)
    print_plain(f"{file.path} is written. The daemon runs, and starts at every login. Undo it: opta daemon uninstall")
    return ExitCode.done


def uninstall(loaded: Any, args: argparse.Namespace) -> int:
    """opta daemon uninstall"""
    file = service_file(loaded, sys.platform)
    if not file.path.exists():
        raise Refused(f"{file.path} does not exist: the daemon is not installed for this user.")
    with waiting("stopping the daemon"):
        _run(file.stop)
    file.path.unlink()
    print_plain(f"{file.path} is removed, and the daemon is stopped. Sessions and settings are kept.")
    return ExitCode.done


def service_file(loaded: Any, platform: str) -> ServiceFile:
    """The service of a platform (`sys.platform`). Raises Refused where there is no service manager."""
    home, logs = str(loaded.paths.home), str(loaded.paths.logs)
    if platform == "darwin":
        path = Path.home() / "Library/LaunchAgents" / f"{service_files.DAEMON_LABEL}.plist"
        domain = f"gui/{os.getuid()}"
        text = service_files.daemon_launch_agent(sys.executable, home, logs)
        return ServiceFile(
            path, text, ["launchctl", "bootstrap", domain, str(path)], ["launchctl", "bootout", f"{domain}/{service_files.DAEMON_LABEL}"]
        )
    if platform != "linux":
        raise Refused(f"There is no service for {platform}. Start the daemon yourself: opta up --detach --no-open")
    path = Path.home() / ".config/systemd/user/opta.service"
    text = service_files.daemon_systemd(sys.executable, home)
    control = ["systemctl", "--user"]
    return ServiceFile(path, text, [*control, "enable", "--now", str(path)], [*control, "disable", "--now", "opta"])


def _run(command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        raise Refused(
            f"This system has no {command[0]}. Print the file, and use it with another service manager: opta daemon install --print"
        )
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OptaError(f"{' '.join(command)} failed: {error}") from error
    if done.returncode:
        raise OptaError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()[:300]}")
