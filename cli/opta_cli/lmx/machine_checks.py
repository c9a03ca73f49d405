"""opta lmx doctor: checks of a machine that serves models: wired memory, disk space, sleep, network access.

Nothing runs as root: where a setting needs it, the check prints the command.
"""

import contextlib
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from opta_core import openblas
from opta_core.errors import OptaError
from opta_core.net.lmx_endpoint import endpoint_of
from opta_core.process.process import memory_total
from opta_core.settings import LoadedSettings
from opta_protocol.lmx import LmxModels

from .client import ask

Check = tuple[str, bool, str]
# Memory left for the system and other programs.
FREE_SHARE, FREE_MB_MIN = 0.1, 8192
DISK_MIN = 20 * 10**9


def checks_of(loaded: LoadedSettings) -> list[Check]:
    """Every check that applies to this system: (name, passed, detail)."""
    checks = [_machine(), _disk(loaded), _binding(loaded), _answers(loaded)]
    if sys.platform == "darwin":
        total_mb = memory_total() // 1024**2
        checks += [wired_limit(_read("sysctl", "-n", "iogpu.wired_limit_mb"), total_mb), sleep(_read("pmset", "-g"))]
        checks.append(local_network(loaded.settings.lmx.host or ""))
    else:
        checks.append(blas())
    return checks


def wired_limit(said: str, total_mb: int) -> Check:
    """`sysctl iogpu.wired_limit_mb`: the memory that the GPU may use; 0 is the default of two thirds to three quarters."""
    wanted = total_mb - max(FREE_MB_MIN, int(total_mb * FREE_SHARE))
    number = int(said) if said.strip().isdigit() else 0
    if number >= wanted * 0.95:
        return "wired limit", True, f"{number} MB of {total_mb} MB"
    command = f"sudo sysctl iogpu.wired_limit_mb={wanted}"
    return (
        "wired limit",
        False,
        f"{number or 'the default'} of {total_mb} MB; large models need more. To raise it until the next restart: {command}",
    )


def sleep(said: str) -> Check:
    """`pmset -g`: a sleeping Mac does not answer."""
    found = re.search(r"^\s*sleep\s+(\d+)", said, re.MULTILINE)
    minutes = int(found.group(1)) if found else 0
    if not minutes:
        return "sleep", True, "this Mac does not fall asleep by itself"
    return "sleep", False, f"this Mac sleeps after {minutes} min (LMX keeps it awake only while it answers): sudo pmset -a sleep 0"


def local_network(host: str) -> Check:
    """macOS asks once whether a program may access the local network; without access every host seems to be off."""
    if not host:
        return "local network", True, "not needed: LMX is on this machine"
    where = "System Settings > Privacy & Security > Local Network"
    return "local network", True, f"if {host} does not answer although it is on, allow your terminal in {where}"


def _machine() -> Check:
    return "machine", True, f"{platform.system()} {platform.machine()}, {memory_total() / 1e9:.0f} GB of memory"


def _disk(loaded: LoadedSettings) -> Check:
    place = loaded.paths.models if loaded.paths.models.exists() else Path.home()
    free = shutil.disk_usage(place).free
    return (
        "disk",
        free >= DISK_MIN,
        f"{free / 1e9:.0f} GB free for models at {place}" + ("" if free >= DISK_MIN else "; a model of 30 B needs about 20"),
    )


def _binding(loaded: LoadedSettings) -> Check:
    lmx = loaded.settings.lmx
    if lmx.host:
        endpoint = endpoint_of(loaded.settings, loaded.paths)
        return (
            "connection",
            True,
            f"{endpoint.root}"
            + (" (certificate pinned)" if endpoint.certificate else " without TLS. To get TLS, pair: opta lmx pair HOST"),
        )
    if lmx.bind.startswith("127."):
        return "binding", True, "loopback only: no key is needed, and other machines have no access"
    return "binding", True, f"{lmx.bind}: with TLS and keys; clients may call it {', '.join(lmx.hosts) or 'by its addresses and host name'}"


def _answers(loaded: LoadedSettings) -> Check:
    try:
        memory = ask(loaded, "GET", "/admin/models", LmxModels, timeout_s=5).memory
    except OptaError as error:
        return "LMX", False, error.message
    if memory is None:
        return "LMX", True, "answers, but does not report its memory"
    return (
        "LMX",
        memory.level == "ok",
        f"answers, memory {memory.used / 1e9:.1f} of {memory.limit / 1e9:.1f} GB ({memory.level})",
    )


def blas() -> Check:
    """OpenBLAS, on Linux. LMX is correct without it, so this check never fails."""
    return "OpenBLAS", True, openblas.hint() or "found, or not needed here"


def _read(*command: str) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, timeout=5).stdout
    return ""
