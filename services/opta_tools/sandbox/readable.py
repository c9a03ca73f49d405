"""What a sandbox shows for reading besides the workspace: the system, and the toolchains of a home, by name.

Everything that is not in these tables is not there. `sandbox.read` of the user's settings adds to them.
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

# Folders of `/` that are the system. /etc is there but for what not everybody may read.
SYSTEM = (
    "bin", "etc", "gnu", "lib", "lib32", "lib64", "libx32", "libexec", "nix", "opt", "sbin", "usr",
)  # fmt: skip
# Parts of folders that are not shown as a whole.
SYSTEM_PARTS = (
    "/sys/devices/system",  # how many processors there are
    "/sys/fs/cgroup",  # limits that runtimes of Java, Go and .NET read
    "/sys/kernel/mm/transparent_hugepage",
    "/var/lib/dpkg",  # which packages are installed
    "/var/lib/rpm",
    "/var/lib/pacman",
    "/run/current-system",  # NixOS
    "/home/linuxbrew/.linuxbrew",
)
# Beneath a home. Only parts that hold programs and packages; what holds keys, sessions or histories is left out.
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
    # Not the whole of .dotnet: certificates with their keys lie in it.
    ".dotnet/dotnet", ".dotnet/host", ".dotnet/sdk", ".dotnet/sdk-manifests", ".dotnet/shared", ".dotnet/packs", ".dotnet/templates", ".dotnet/tools",
    ".dotnet/library-packs", ".dotnet/metadata",
    # Haskell, OCaml, Julia, Erlang, Dart, R, Swift, Android
    ".ghcup/bin", ".ghcup/ghc", ".ghcup/cabal", ".ghcup/hls", ".cabal/bin", ".cabal/packages", ".stack/programs", ".opam", ".juliaup/bin", ".julia/juliaup",
    ".julia/packages", ".elan/bin", ".elan/toolchains", ".hex/packages", ".mix/archives", "flutter", ".pub-cache/bin", ".pub-cache/hosted", "R", ".swiftly/bin",
    ".local/share/swiftly/toolchains", "Android/Sdk",
    # Version managers of everything
    ".asdf/bin", ".asdf/installs", ".asdf/lib", ".asdf/plugins", ".asdf/shims", ".local/share/mise/installs", ".local/share/mise/shims", ".proto/bin",
    ".proto/shims", ".proto/tools", ".nix-profile", ".local/state/nix/profiles",
)  # fmt: skip
# Inside of what is shown, as deep as programs are installed: names of files that hold tokens and keys of package managers and tools.
CREDENTIALS = frozenset(
    {
        ".npmrc", "npmrc", ".yarnrc", ".yarnrc.yml", "rc", ".pypirc", "pip.conf", "pydistutils.cfg", ".condarc", "condarc", ".netrc", "_netrc", ".git-credentials",
        "credentials", "credentials.toml", "credentials.json", "nuget.config", "toolresolvercache", "settings.xml", ".renviron", "adbkey", "adbkey.pub",
        "x509stores", "opam-publish", ".pgpass", ".htpasswd", ".dockercfg", "auth.json", ".env",
    }
)  # fmt: skip
# Folders of packages: thousands, and what lies in them came from a registry.
_PACKAGES = frozenset({"site-packages", "node_modules", "__pycache__", "dist-packages", "pkgs", "registry", "gems"})
CREDENTIALS_DEPTH, CREDENTIALS_FOLDERS_MAX = 5, 4000
CREDENTIALS_NEAR, CREDENTIALS_AGAIN_S = 2, 30.0
# How much is looked at for what not everybody may read: the folder, and how deep. Files of whole programs lie in /opt.
CLOSED_FOLDERS = (("/etc", 16), ("/usr/local/etc", 16), ("/opt", 4))
CLOSED_ENTRIES_MAX = 20_000

log = Log("sandbox")


@dataclass(frozen=True)
class Toolchain:
    """A folder or file that is shown: by its name, and where it really lies."""

    path: str
    real: str


class CredentialFiles:
    """Finds files by the names of `CREDENTIALS`. A folder is read again only when it changed."""

    def __init__(self) -> None:
        # Folder -> (its time of change, what it holds of them, the folders in it)
        self._read: dict[str, tuple[int, list[str], list[str]]] = {}
        # Roots -> (when they were looked through to the bottom, what was found)
        self._deep: dict[tuple[str, ...], tuple[float, list[str]]] = {}

    def of(self, roots: Iterable[str]) -> list[str]:
        """Paths beneath folders: near their top as it is now, deeper as it was some seconds ago."""
        key = tuple(roots)
        looked_at, deep = self._deep.get(key, (-CREDENTIALS_AGAIN_S, []))
        if time.monotonic() - looked_at >= CREDENTIALS_AGAIN_S:
            deep = [path for root in key for path in self.beneath(root)]
            self._deep[key] = time.monotonic(), deep
            return deep
        return list(dict.fromkeys([*deep, *(path for root in key for path in self.beneath(root, CREDENTIALS_NEAR))]))

    def beneath(self, root: str, depth: int = CREDENTIALS_DEPTH) -> list[str]:
        """Paths beneath a folder, down to a depth."""
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
    """Entries of the plan for the system: read-only mounts and links as the machine has them."""
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
    """What of the system not every user of the machine may read: never shown, whoever runs the daemon."""
    return [path for folder, depth in CLOSED_FOLDERS for path in closed_beneath(folder, depth)]


def closed_beneath(folder: str, depth: int) -> list[str]:
    """What lies beneath a folder and is not for everybody. Level by level, so that a bound leaves out what lies deepest."""
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
                except OSError:  # it went meanwhile
                    continue
                if stat.S_ISLNK(mode):
                    continue
                if not mode & stat.S_IROTH or (stat.S_ISDIR(mode) and not mode & stat.S_IXOTH):
                    found.append(entry.path)
                elif stat.S_ISDIR(mode):
                    below.append(entry.path)
        level = below
        if seen > CLOSED_ENTRIES_MAX:
            log.warning("not all of a folder of the system was looked at for files that not everybody may read", folder=folder)
            break
    return found


def toolchains(home: Path, search_path: str, more: Iterable[str] = ()) -> list[Toolchain]:
    """What is there of the toolchains of a home, of the folders of the PATH and of `sandbox.read`, and our own interpreter.

    A link is followed only when no command can have made it: one in the home itself or in `/`. Any other has to lead to something
    that is shown anyway. Otherwise a link in the place of `~/go/bin`, made in the workspace `~/go`, would show what it leads to.
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
            log.warning("sandbox.read names a link; name what it leads to", path=each.path, leads_to=each.real)
    # What lies beneath another one is shown with it.
    return [
        each
        for each in plain
        if not (each.path == each.real and any(each.real.startswith(f"{other}/") for other in shown)) and not _is_system(each.path)
    ]


def toolchain_entries(shown: Iterable[Toolchain]) -> list[list[Any]]:
    """Entries of the plan for toolchains; one that lies elsewhere is shown there, with a link in its place."""
    entries: list[list[Any]] = []
    for each in shown:
        if not _is_system(each.real):
            entries.append(_mount(each.real))
        if each.real != each.path:
            entries.append(["link", each.path, each.real])
    return entries


def _is_where_it_was_named(each: Toolchain, home: Path) -> bool:
    """Whether no link leads to it but such as no command can have made."""
    at = ""
    for name in each.path.strip("/").split("/"):
        above, at = at, f"{at}/{name}"
        if os.path.islink(at):
            if above not in ("", str(home)):
                return False
            # The rest counts from where the link leads to.
            return os.path.realpath(at) + each.path[len(at) :] == each.real
    return True


def _is_showable(each: Toolchain, home: Path, asked: list[str]) -> bool:
    """Whether it is not the home as a whole, nor what holds it."""
    if not _is_at_or_beneath(str(home), each.real) and each.real != "/":
        return True
    if each.path in asked:
        log.warning("sandbox.read names the whole home, which is not shown; name folders in it", path=each.path)
    return False


def _holds_programs(folder: str) -> bool:
    """Whether a folder of the PATH is one: a home's `.config` in a PATH is a mistake that must not show it."""
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
