"""The paths outside the workspace that a sandbox shows for reading: the system, and the toolchains of a home, by name.

A path that is not in these tables does not exist in a sandbox. The setting `sandbox.read` adds paths.
"""

import os
import stat
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opta_core.logs import Log

# Folders of `/` that belong to the system. Files of /etc that not everybody may read are hidden.
SYSTEM = (
    "bin", "etc", "gnu", "lib", "lib32", "lib64", "libx32", "libexec", "nix", "opt", "sbin", "usr",
)  # fmt: skip
# Parts of folders that are not shown completely.
SYSTEM_PARTS = (
    "/sys/devices/system",  # the number of processors
    "/sys/fs/cgroup",  # limits that runtimes of Java, Go and .NET read
    "/sys/kernel/mm/transparent_hugepage",
    "/var/lib/dpkg",  # which packages are installed
    "/var/lib/rpm",
    "/var/lib/pacman",
    "/run/current-system",  # NixOS
    "/home/linuxbrew/.linuxbrew",
)
# Beneath a home: only the parts that hold programs and packages, without keys, sessions and histories.
TOOLCHAINS = (
    # Python
    ".pyenv/bin", ".pyenv/libexec", ".pyenv/plugins", ".pyenv/shims", ".pyenv/versions", ".pyenv/version",
    ".local/bin", ".local/lib", ".local/pipx/venvs", ".local/share/pipx/venvs", ".local/share/uv/python", ".local/share/uv/tools",
    ".local/share/pypoetry/venv", ".local/share/hatch/env", ".virtualenvs",
    "miniconda3", "miniforge3", "mambaforge", "anaconda3", "micromamba", ".conda/envs", ".conda/pkgs",
    # JavaScript
    ".nvm/versions", ".nvm/alias", ".nvm/nvm.sh", ".fnm/node-versions", ".local/share/fnm/node-versions", ".volta/bin", ".volta/tools",
    ".deno/bin", ".bun/bin", ".bun/install/global", ".local/share/pnpm", ".yarn/bin", ".config/yarn/global", ".npm-global", ".n/bin",
    ".cache/ms-playwright", ".cache/puppeteer",
    # Rust, Go, Zig
    ".cargo/bin", ".cargo/env", ".rustup/toolchains", ".rustup/settings.toml", "go/bin", "go/pkg/mod", "sdk", ".local/share/zig", ".zvm/bin",
    # The JVM, Ruby, PHP, .NET
    ".sdkman/candidates", ".jenv/versions", ".jdks", ".gradle/wrapper/dists", ".m2/repository", ".rbenv/bin", ".rbenv/libexec", ".rbenv/shims",
    ".rbenv/versions", ".rvm/rubies", ".rvm/gems", ".gem/ruby", ".local/share/gem", ".local/share/coursier/bin", ".nuget/packages",
    # Not the whole of .dotnet, which also holds certificates with their keys.
    ".dotnet/dotnet", ".dotnet/host", ".dotnet/sdk", ".dotnet/sdk-manifests", ".dotnet/shared", ".dotnet/packs", ".dotnet/templates", ".dotnet/tools",
    ".dotnet/library-packs", ".dotnet/metadata",
    # Haskell, OCaml, Julia, Erlang, Dart, R, Swift, Android
    ".ghcup/bin", ".ghcup/ghc", ".ghcup/cabal", ".ghcup/hls", ".cabal/bin", ".cabal/packages", ".stack/programs", ".opam", ".juliaup/bin", ".julia/juliaup",
    ".julia/packages", ".elan/bin", ".elan/toolchains", ".hex/packages", ".mix/archives", "flutter", ".pub-cache/bin", ".pub-cache/hosted", "R", ".swiftly/bin",
    ".local/share/swiftly/toolchains", "Android/Sdk",
    # General version managers
    ".asdf/bin", ".asdf/installs", ".asdf/lib", ".asdf/plugins", ".asdf/shims", ".local/share/mise/installs", ".local/share/mise/shims", ".proto/bin",
    ".proto/shims", ".proto/tools", ".nix-profile", ".local/state/nix/profiles",
)  # fmt: skip
# Names of files that hold tokens and keys of package managers and tools. Inside the shown folders they are hidden.
CREDENTIALS = frozenset(
    {
        ".npmrc", "npmrc", ".yarnrc", ".yarnrc.yml", "rc", ".pypirc", "pip.conf", "pydistutils.cfg", ".condarc", "condarc", ".netrc", "_netrc", ".git-credentials",
        "credentials", "credentials.toml", "credentials.json", "nuget.config", "toolresolvercache", "settings.xml", ".renviron", "adbkey", "adbkey.pub",
        "x509stores", "opam-publish", ".pgpass", ".htpasswd", ".dockercfg", "auth.json", ".env",
    }
)  # fmt: skip
# Folders of packages are not searched for credentials: they are many, and their content came from a registry.
_PACKAGES = frozenset({"site-packages", "node_modules", "__pycache__", "dist-packages", "pkgs", "registry", "gems"})
CREDENTIALS_DEPTH, CREDENTIALS_FOLDERS_MAX = 5, 4000
CREDENTIALS_NEAR, CREDENTIALS_AGAIN_S = 2, 30.0
# Where files are searched that not everybody may read: (folder, depth). /opt holds whole programs, so it is searched less deeply.
CLOSED_FOLDERS = (("/etc", 16), ("/usr/local/etc", 16), ("/opt", 4))
CLOSED_ENTRIES_MAX = 20_000

log = Log("sandbox")


@dataclass(frozen=True)
class Toolchain:
    """A folder or file that is shown: its path, and its real path."""

    path: str
    real: str


class CredentialFiles:
    """Finds files whose names are in CREDENTIALS. A folder is read again only when it has changed."""

    def __init__(self) -> None:
        # Folder -> (its time of change in ns, the credential files in it, the folders in it)
        self._read: dict[str, tuple[int, list[str], list[str]]] = {}
        # Roots -> (time of the last search to full depth, its result)
        self._deep: dict[tuple[str, ...], tuple[float, list[str]]] = {}

    def of(self, roots: Iterable[str]) -> list[str]:
        """Paths of credential files beneath folders. The upper CREDENTIALS_NEAR levels are current, deeper ones up to CREDENTIALS_AGAIN_S old."""
        key = tuple(roots)
        looked_at, deep = self._deep.get(key, (-CREDENTIALS_AGAIN_S, []))
        if time.monotonic() - looked_at >= CREDENTIALS_AGAIN_S:
            deep = [path for root in key for path in self.beneath(root)]
            self._deep[key] = time.monotonic(), deep
            return deep
        return list(dict.fromkeys([*deep, *(path for root in key for path in self.beneath(root, CREDENTIALS_NEAR))]))

    def beneath(self, root: str, depth: int = CREDENTIALS_DEPTH) -> list[str]:
        """Paths of credential files beneath a folder, down to a depth."""
        found: list[str] = []
        level, seen = [root], 0
        for _ in range(depth):
            below: list[str] = []
            for folder in level:
                seen += 1
                if seen > CREDENTIALS_FOLDERS_MAX:
                    return found
                names, folders = self._look(folder)
                found += names
                below += folders
            level = below
        return found

    def _look(self, folder: str) -> tuple[list[str], list[str]]:
        try:
            changed = os.stat(folder, follow_symlinks=False).st_ctime_ns
            known = self._read.get(folder)
            if known is None or known[0] != changed:
                with os.scandir(folder) as entries:
                    listed = list(entries)
                found = [entry.path for entry in listed if entry.name.casefold() in CREDENTIALS]
                folders = [
                    entry.path
                    for entry in listed
                    if entry.is_dir(follow_symlinks=False) and entry.path not in found and entry.name not in _PACKAGES
                ]
                known = self._read[folder] = changed, found, folders
            return known[1], known[2]
        except OSError:
            return [], []


def system_entries() -> list[list[Any]]:
    """Entries of the plan for the system: read-only mounts and symbolic links, as on this machine."""
    entries: list[list[Any]] = []
    for name in SYSTEM:
        path = f"/{name}"
        if os.path.islink(path):
            entries.append(["link", path, os.readlink(path)])
        elif os.path.isdir(path):
            entries.append(_mount(path))
    entries += [_mount(path) for path in SYSTEM_PARTS if os.path.isdir(path) and not os.path.islink(path)]
    return entries


def not_for_everybody() -> list[str]:
    """Paths of the system that not every user may read. They are never shown, even if the daemon's user may read them."""
    return [path for folder, depth in CLOSED_FOLDERS for path in closed_beneath(folder, depth)]


def closed_beneath(folder: str, depth: int) -> list[str]:
    """Paths beneath a folder that not every user may read. Searched breadth first, so that the limit leaves out the deepest ones."""
    found: list[str] = []
    level, seen = [folder], 0
    for _ in range(depth):
        below: list[str] = []
        for at in level:
            try:
                with os.scandir(at) as listed:
                    entries = sorted(listed, key=lambda entry: entry.name)
            except OSError:
                continue
            seen += len(entries)
            for entry in entries:
                try:
                    mode = entry.stat(follow_symlinks=False).st_mode
                except OSError:  # removed meanwhile
                    continue
                if stat.S_ISLNK(mode):
                    continue
                if not mode & stat.S_IROTH or (stat.S_ISDIR(mode) and not mode & stat.S_IXOTH):
                    found.append(entry.path)
                elif stat.S_ISDIR(mode):
                    below.append(entry.path)
        level = below
        if seen > CLOSED_ENTRIES_MAX:
            log.warning("a system folder was searched only in part for files that not everybody may read", folder=folder)
            break
    return found


def toolchains(home: Path, search_path: str, more: Iterable[str] = ()) -> list[Toolchain]:
    """The existing toolchains of a home, folders of the PATH in the home, the paths `more` (`sandbox.read`), and this interpreter.

    A symbolic link is followed only if no command can have made it: one directly in the home or in `/`. Any other link has to lead to a
    path that is shown anyway. Otherwise a link that a command made at `~/go/bin`, in the workspace `~/go`, would reveal its target.
    """
    named = [f"{home}/{name}" for name in TOOLCHAINS]
    folders = (os.path.normpath(folder) for folder in search_path.split(os.pathsep) if folder)
    named += [folder for folder in folders if folder.startswith(f"{home}/") and _holds_programs(folder)]
    asked = [os.path.normpath(os.path.expanduser(path)) for path in more]
    found = [Toolchain(path, os.path.realpath(path)) for path in dict.fromkeys((*named, *asked)) if os.path.exists(path)]
    plain = [each for each in found if _is_where_it_was_named(each, home) and _is_showable(each, home, asked)]
    plain.append(Toolchain(os.path.realpath(sys.base_prefix), os.path.realpath(sys.base_prefix)))
    shown = {each.real for each in plain}
    for each in found:
        if each in plain or not _is_showable(each, home, asked):
            continue
        if _is_system(each.real) or any(_is_at_or_beneath(each.real, other) for other in shown):
            plain.append(each)
        elif each.path in asked:
            log.warning("sandbox.read names a link; name its target", path=each.path, target=each.real)
    # A path beneath another one is shown with it.
    return [
        each
        for each in plain
        if not (each.path == each.real and any(each.real.startswith(f"{other}/") for other in shown)) and not _is_system(each.path)
    ]


def toolchain_entries(shown: Iterable[Toolchain]) -> list[list[Any]]:
    """Entries of the plan for toolchains. One whose real path differs is mounted at its real path, with a link at its path."""
    entries: list[list[Any]] = []
    for each in shown:
        if not _is_system(each.real):
            entries.append(_mount(each.real))
        if each.real != each.path:
            entries.append(["link", each.path, each.real])
    return entries


def _is_where_it_was_named(each: Toolchain, home: Path) -> bool:
    """Whether every symbolic link on its path is one that no command can have made."""
    at = ""
    for name in each.path.strip("/").split("/"):
        above, at = at, f"{at}/{name}"
        if os.path.islink(at):
            if above not in ("", str(home)):
                return False
            # The rest of the path is relative to the target of the link.
            return os.path.realpath(at) + each.path[len(at) :] == each.real
    return True


def _is_showable(each: Toolchain, home: Path, asked: list[str]) -> bool:
    """Whether it is neither the whole home nor a parent of it."""
    if not _is_at_or_beneath(str(home), each.real) and each.real != "/":
        return True
    if each.path in asked:
        log.warning("sandbox.read names the whole home, which is not shown; name folders in it", path=each.path)
    return False


def _holds_programs(folder: str) -> bool:
    """Whether a folder holds programs. A PATH that mistakenly names a folder such as `~/.config` must not reveal it."""
    try:
        with os.scandir(folder) as listed:
            return any(entry.is_file() and os.access(entry.path, os.X_OK) for entry in listed)
    except OSError:
        return False


def _mount(path: str) -> list[Any]:
    found = os.stat(path)
    return ["ro", path, found.st_dev, found.st_ino]


def _is_at_or_beneath(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _is_system(path: str) -> bool:
    return any(path == f"/{name}" or path.startswith(f"/{name}/") for name in SYSTEM) or path in SYSTEM_PARTS
