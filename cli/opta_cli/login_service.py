"""The service that starts the daemon at login: its file for systemd and launchd, and whether it is there.

`opta status` reads this module, so it imports the writers of the files only where there is a file.
"""

import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from opta_core.errors import OptaError, Refused

WAIT_S = 30


class ServiceFile(NamedTuple):
    """Where the file is, what is in it, and the commands that start and stop its service."""

    path: Path
    text: str
    start: list[str]
    stop: list[str]


def service_file(loaded: Any, platform: str) -> ServiceFile:
    """The service of a platform (`sys.platform`). Raises Refused where there is no service manager."""
    from opta_core.process import service_files

    path, home, logs = _path(platform), str(loaded.paths.home), str(loaded.paths.logs)
    if path is None:
        raise Refused(f"There is no service for {platform}. Start the daemon yourself: opta up --detach --no-open")
    if platform == "darwin":
        domain = f"gui/{os.getuid()}"
        text = service_files.daemon_launch_agent(sys.executable, home, logs)
        return ServiceFile(
            path, text, ["launchctl", "bootstrap", domain, str(path)], ["launchctl", "bootout", f"{domain}/{service_files.DAEMON_LABEL}"]
        )
    text = service_files.daemon_systemd(sys.executable, home)
    control = ["systemctl", "--user"]
    return ServiceFile(path, text, [*control, "enable", "--now", str(path)], [*control, "disable", "--now", "opta"])


def at_login(loaded: Any, platform: str = sys.platform) -> str:
    """What the service manager starts at login, in a sentence; '' when nothing of Opta is installed. Asks no other program."""
    path = _path(platform)
    if path is None or not path.exists():
        return ""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError):
        text = ""
    if text == service_file(loaded, platform).text:
        return f"starts at every login ({path})"
    return f"{path} starts another installation or home, or is of another version. Write it again: opta daemon install"


def installed_file(loaded: Any) -> Path | None:
    """The service file of this home, if there is one; that of another home is left alone."""
    from opta_core.process import service_files

    path = _path(sys.platform)
    return path if path is not None and service_files.is_of_home(path, loaded.paths.home) else None


def run_manager(command: list[str]) -> None:
    """Run a command of the service manager. Raises OptaError with what it said."""
    import shutil
    import subprocess

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


def _path(platform: str) -> Path | None:
    """Where the file is; None where there is no service manager. The name for macOS is the label of the service."""
    known = {"darwin": "Library/LaunchAgents/ai.opta.daemon.plist", "linux": ".config/systemd/user/opta.service"}
    return Path.home() / known[platform] if platform in known else None
