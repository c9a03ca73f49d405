"""Has the system itself keep LMX alive on a machine that serves models: launchd on macOS, systemd for the user on Linux."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from opta_core.errors import OptaError, Refused
from opta_core.process import service_files
from opta_core.settings import Loaded

WAIT_S = 30


def install(loaded: Loaded, *, is_print: bool) -> str:
    """Write the file and start LMX by it; what was done, in a line. Raises OptaError."""
    file, text, start, _ = _service(loaded)
    if is_print:
        return text.rstrip()
    loaded.paths.make()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    _run(start)
    return f"{file} is written, and LMX is started by it: now, and whenever you log in."


def uninstall(loaded: Loaded) -> str:
    """Stop LMX and remove the file. Raises OptaError."""
    file, _, _, stop = _service(loaded)
    if not file.exists():
        raise Refused(f"{file} is not there: LMX was not installed by this user.")
    _run(stop)
    file.unlink()
    return f"{file} is removed, and LMX stopped. Models, keys and settings are kept."


def _service(loaded: Loaded) -> tuple[Path, str, list[str], list[str]]:
    """(file, its text, the command that starts it, the one that stops it)."""
    home, logs = str(loaded.paths.home), str(loaded.paths.logs)
    if sys.platform == "darwin":
        file = Path.home() / "Library/LaunchAgents" / f"{service_files.LABEL}.plist"
        domain = f"gui/{os.getuid()}"
        stop = ["launchctl", "bootout", f"{domain}/{service_files.LABEL}"]
        return file, service_files.launch_agent(sys.executable, home, logs), ["launchctl", "bootstrap", domain, str(file)], stop
    if not shutil.which("systemctl"):
        raise Refused(
            f"There is neither launchd nor systemd here. With supervisord: ops/lmx/supervisord.conf, or run opta lmx serve as {home}."
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
        raise OptaError(f"{' '.join(command)} did not work: {error}") from error
    if done.returncode:
        raise OptaError(f"{' '.join(command)} did not work: {(done.stderr or done.stdout).strip()[:300]}")
