"""opta lmx install: the system's service manager keeps LMX running: launchd on macOS, the user's systemd on Linux."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from opta_core.errors import OptaError, Refused
from opta_core.process import service_files
from opta_core.settings import LoadedSettings

WAIT_S = 30


def install(loaded: LoadedSettings, *, is_print: bool) -> str:
    """Write the service file and start the service; returns a line for the user. `is_print`: return the file instead. Raises OptaError."""
    file, text, start, _ = _service(loaded)
    if is_print:
        return text.rstrip()
    loaded.paths.make()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    _run(start)
    return f"{file} is written. LMX is running, and starts again at every login."


def uninstall(loaded: LoadedSettings) -> str:
    """Stop the service and remove its file. Raises OptaError."""
    file, _, _, stop = _service(loaded)
    if not file.exists():
        raise Refused(f"{file} does not exist: LMX is not installed for this user.")
    _run(stop)
    file.unlink()
    return f"{file} is removed, and LMX is stopped. Models, keys and settings are kept."


def installed_file(loaded: LoadedSettings) -> Path | None:
    """The service file of LMX of this home, if there is one; that of another home is left alone."""
    try:
        path = _service(loaded)[0]
    except Refused:
        return None
    return path if service_files.is_of_home(path, loaded.paths.home) else None


def _service(loaded: LoadedSettings) -> tuple[Path, str, list[str], list[str]]:
    """(file, its text, start command, stop command)."""
    home, logs = str(loaded.paths.home), str(loaded.paths.logs)
    if sys.platform == "darwin":
        file = Path.home() / "Library/LaunchAgents" / f"{service_files.LABEL}.plist"
        domain = f"gui/{os.getuid()}"
        stop = ["launchctl", "bootout", f"{domain}/{service_files.LABEL}"]
        return file, service_files.launch_agent(sys.executable, home, logs), ["launchctl", "bootstrap", domain, str(file)], stop
    if not shutil.which("systemctl"):
        raise Refused(
            f"This system has neither launchd nor systemd. Use supervisord with ops/lmx/supervisord.conf, or run opta lmx serve with OPTA_HOME={home}."
        )
    file = Path.home() / ".config/systemd/user/opta-lmx.service"
    control = ["systemctl", "--user"]
    return (
        file,
        service_files.systemd(sys.executable, home),
        [*control, "enable", "--now", str(file)],
        [*control, "disable", "--now", "opta-lmx"],
    )


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OptaError(f"{' '.join(command)} failed: {error}") from error
    if done.returncode:
        raise OptaError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()[:300]}")
