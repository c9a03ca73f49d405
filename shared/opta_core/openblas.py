"""Where Linux distributions keep OpenBLAS, with which a model is many times as fast on a processor, and how to install it."""

import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")
# Debian, Fedora (p: with threads), and all others.
_NAMES = ("openblas-pthread/libopenblas.so.0", "libopenblasp.so.0", "libopenblas.so.0", "openblas-openmp/libopenblas.so.0")
# `ID` or `ID_LIKE` of os-release -> the command that installs it.
_COMMANDS = {
    "debian": "sudo apt install libopenblas0-pthread", "ubuntu": "sudo apt install libopenblas0-pthread", "fedora": "sudo dnf install openblas-threads",
    "rhel": "sudo dnf install openblas-threads", "arch": "sudo pacman -S openblas", "suse": "sudo zypper install libopenblas_pthreads0",
}  # fmt: skip


def libraries(folders: tuple[str, ...] = FOLDERS) -> Iterator[Path]:
    """The libraries that are installed, the best one first."""
    return (library for library in (Path(folder) / name for folder in folders for name in _NAMES) if library.exists())


def hint(platform: str = sys.platform, folders: tuple[str, ...] = FOLDERS, release: Path = Path("/etc/os-release")) -> str:
    """What to do for a faster LMX; '' where OpenBLAS is installed or not used."""
    if platform != "linux" or next(libraries(folders), None) is not None:
        return ""
    words = _release_words(release)
    command = next((command for name, command in _COMMANDS.items() if name in words), "")
    return "OpenBLAS is not installed. Models are many times as fast with it: " + (command or "install the package openblas of your system")


def _release_words(release: Path) -> set[str]:
    try:
        lines = release.read_text(errors="replace").splitlines()
    except OSError:
        return set()
    values = [line.partition("=")[2].strip("\"'") for line in lines if line.startswith(("ID=", "ID_LIKE="))]
    return {word.partition("-")[0] for value in values for word in value.split()} | {word for value in values for word in value.split()}
