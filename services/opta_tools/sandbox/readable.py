"""What a sandbox shows for reading besides the workspace: the system, and the toolchains of a home, by name.

Everything that is not in these tables is not there. `sandbox.read` of the user's settings adds to them.
"""

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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
    ".rbenv/versions", ".rvm/rubies", ".rvm/gems", ".gem/ruby", ".local/share/gem", ".local/share/coursier/bin", ".dotnet", ".nuget/packages",
    # Haskell, OCaml, Julia, Erlang, Dart, R, Swift, Android
    ".ghcup/bin", ".ghcup/ghc", ".ghcup/cabal", ".ghcup/hls", ".cabal/bin", ".cabal/packages", ".stack/programs", ".opam", ".juliaup/bin", ".julia/juliaup",
    ".julia/packages", ".elan/bin", ".elan/toolchains", ".hex/packages", ".mix/archives", "flutter", ".pub-cache/bin", ".pub-cache/hosted", "R", ".swiftly/bin",
    ".local/share/swiftly/toolchains", "Android/Sdk",
    # Version managers of everything
    ".asdf/bin", ".asdf/installs", ".asdf/lib", ".asdf/plugins", ".asdf/shims", ".local/share/mise/installs", ".local/share/mise/shims", ".proto/bin",
    ".proto/shims", ".proto/tools", ".nix-profile", ".local/state/nix/profiles",
)  # fmt: skip
# Inside of these: files that may hold a token after all.
_NOT_SHOWN = frozenset({".condarc", ".npmrc", ".netrc", "credentials", "credentials.toml", "nuget.config", "toolResolverCache"})
_ETC_DEPTH = 3


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


def not_for_everybody(folder: str = "/etc", depth: int = _ETC_DEPTH) -> list[str]:
    """What lies beneath a system folder and may not be read by every user of the machine: never shown, whoever runs the daemon."""
    found: list[str] = []
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError:
        return []
    for entry in entries:
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            continue
        if not mode & stat.S_IROTH or (stat.S_ISDIR(mode) and not mode & stat.S_IXOTH):
            found.append(entry.path)
        elif stat.S_ISDIR(mode) and depth > 1:
            found += not_for_everybody(entry.path, depth - 1)
    return found


def toolchain_paths(home: Path, search_path: str, more: Iterable[str] = ()) -> list[str]:
    """Paths beneath a home, or named by the user, that are there: toolchains, folders of the PATH, `sandbox.read`, our own interpreter."""
    named = [f"{home}/{name}" for name in TOOLCHAINS]
    # A folder of the PATH holds programs; one that is the home itself or the root is a mistake.
    named += [folder for folder in search_path.split(os.pathsep) if folder.startswith(f"{home}/") and folder.rstrip("/") != str(home)]
    named += [os.path.expanduser(path) for path in more]
    named.append(sys.base_prefix)
    found = [path.rstrip("/") for path in named if os.path.lexists(path) and path.rstrip("/")]
    # What lies beneath another one is shown with it.
    return [path for path in dict.fromkeys(found) if not any(path.startswith(f"{other}/") for other in found) and not _is_system(path)]


def toolchain_entries(paths: Iterable[str]) -> list[list[Any]]:
    """Entries of the plan for paths; a link is shown as one, with what it leads to."""
    entries: list[list[Any]] = []
    for path in paths:
        real = os.path.realpath(path)
        if real != path and os.path.islink(path):
            entries.append(["link", path, os.readlink(path)])
        if os.path.exists(real) and not _is_system(real):
            entries.append(_mount(real))
            entries += [["mask", f"{real}/{name}"] for name in _NOT_SHOWN if os.path.lexists(f"{real}/{name}")]
    return entries


def _mount(path: str) -> list[Any]:
    found = os.stat(path)
    return ["ro", path, found.st_dev, found.st_ino]


def _is_system(path: str) -> bool:
    return any(path == f"/{name}" or path.startswith(f"/{name}/") for name in SYSTEM) or path in SYSTEM_PARTS
