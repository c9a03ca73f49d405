"""Whether a build works without the network here: a project without foreign packages, or one that has them in its folder."""

import os
import re

from .contained_paths import Places

_LOCK_BYTES_MAX = 4 * 1024 * 1024
_CARGO = frozenset(
    {"build", "b", "check", "c", "test", "t", "run", "r", "clippy", "bench", "doc", "fmt", "nextest", "expand", "tree", "metadata"}
)
_GO = frozenset({"build", "test", "vet", "run", "list", "fmt", "install"})


def works_offline(argv: tuple[str, ...], folders: tuple[str, ...], places: Places) -> bool:
    """Whether a command that usually needs the network does not need it in any of `folders`."""
    name, words = argv[0], [word for word in argv[1:] if not word.startswith("+")]
    if not words:
        return False
    if name.startswith("python") and words[:2] == ["-m", "pip"]:
        return words[2:3] in (["list"], ["show"], ["freeze"], ["check"])
    if name.startswith("python") and words[:2] == ["-m", "venv"]:
        # Python brings what a new environment holds.
        return "--upgrade-deps" not in words
    if name == "uv" and words[0] == "pip":
        return words[1:2] in (["list"], ["show"], ["freeze"], ["check"], ["tree"])
    if name == "uv" and words[0] == "run" and not any(word.startswith("--with") for word in words):
        return any(os.path.isdir(os.path.join(folder, ".venv")) for folder in (*folders, places.workspace))
    if name == "cargo" and words[0] in _CARGO:
        return "--offline" in words or "--frozen" in words or all(_is_cargo_offline(folder, places) for folder in folders)
    if name == "go" and words[0] in _GO:
        return not any("@" in word for word in words) and all(_is_go_offline(folder, places) for folder in folders)
    return name == "go" and words[0] == "mod" and words[1:2] in (["verify"], ["graph"], ["why"], ["init"], ["edit"])


def _is_cargo_offline(folder: str, places: Places) -> bool:
    found = _upwards("Cargo.toml", folder, places)
    if not found:
        return True
    root = next((above for above in _folders(folder, places) if os.path.exists(f"{above}/Cargo.lock")), "")
    if os.path.isdir(os.path.join(root or found, "vendor")):
        return True
    if root:
        return "source = " not in _text(os.path.join(root, "Cargo.lock"))
    # Without a lock file the manifest itself says whether there are packages to fetch.
    return not re.search(r"^\[(.*\.)?(dev-|build-)?dependencies", _text(os.path.join(found, "Cargo.toml")), re.MULTILINE)


def _is_go_offline(folder: str, places: Places) -> bool:
    found = _upwards("go.mod", folder, places)
    if not found or os.path.exists(f"{found}/vendor/modules.txt"):
        return True
    return not re.search(r"^\s*(require\b|toolchain\b)", _text(f"{found}/go.mod"), re.MULTILINE)


def _upwards(name: str, folder: str, places: Places) -> str:
    return next((above for above in _folders(folder, places) if os.path.exists(f"{above}/{name}")), "")


def _folders(folder: str, places: Places) -> list[str]:
    found = [folder]
    while folder not in (places.workspace, "/", "") and len(found) < 64:
        folder = os.path.dirname(folder)
        found.append(folder)
    return found


def _text(file: str) -> str:
    try:
        with open(file, "rb") as handle:
            return handle.read(_LOCK_BYTES_MAX).decode(errors="replace")
    except OSError:
        return ""
