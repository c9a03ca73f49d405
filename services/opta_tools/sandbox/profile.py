"""What a contained process may see and change, whatever contains it."""

import os
from pathlib import Path
from typing import Literal

import msgspec

from opta_core.policy.actions import PROTECTED_FILES, PROTECTED_FOLDERS

Network = Literal["off", "list", "on"]
Level = Literal["full", "landlock", "seatbelt", "none"]

# Of a person's home: credentials that no command of an agent needs. Folders and files that are there are made empty.
HIDDEN = (
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".config/opta", ".config/gcloud", ".config/gh", ".config/hub", ".config/op",
    ".config/google-chrome", ".config/chromium", ".mozilla", ".local/share/keyrings", ".password-store", ".netrc", "_netrc", ".npmrc", ".pypirc",
    ".git-credentials", ".config/git/credentials", ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".pgpass", ".my.cnf",
    ".bash_history", ".zsh_history", ".python_history", ".node_repl_history", ".vault-token", ".terraform.d", ".config/rclone", ".m2/settings.xml",
)  # fmt: skip
# Of a repository: what git reads programs and their arguments from.
GIT_CONTROL = ("config", "config.worktree", "hooks", "info")
# Made impossible also where they are not there; of the rest only what is there is kept as it is.
STAND_INS = frozenset({".opta", ".mcp.json", ".vscode", ".envrc", ".gitmodules"})
# Git takes its whole configuration from where this file says, and stumbles over an empty one: it is removed when a command made it.
GIT_POINTER = ".git/commondir"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "USER", "LOGNAME", "SHELL", "TZ", "VIRTUAL_ENV", "JAVA_HOME", "GOROOT", "NVM_DIR", "RUSTUP_HOME", "PYENV_ROOT")  # fmt: skip
_FIXED = {"PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "NO_COLOR": "1", "GIT_OPTIONAL_LOCKS": "0"}


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One command's containment. `hidden` are absolute paths that are there and must not be; `cache` is this workspace's own."""

    workspace: str
    folder: str
    network: Network = "off"
    hidden: tuple[str, ...] = ()
    cache: str = ""
    home: str = ""
    proxy_port: int = 0


def hidden_paths(home: Path, own: tuple[Path, ...]) -> tuple[str, ...]:
    """What to hide: credentials of the person's home, and the daemon's `own` folders."""
    return tuple(str(path) for path in (*(home / name for name in HIDDEN), *own) if os.path.lexists(path))


def control_paths(workspace: str) -> tuple[list[str], list[str]]:
    """(files and folders of a workspace that only people write and that are there, those that are not there)."""
    there: list[str] = []
    missing: list[str] = []
    # A shell reads its files in a home only.
    is_home = workspace == os.path.realpath(os.path.expanduser("~"))
    for name in (*PROTECTED_FOLDERS, *PROTECTED_FILES):
        path = f"{workspace}/{name}"
        if name == ".git":
            continue
        if os.path.lexists(path):
            there.append(path)
        elif name in STAND_INS or is_home:
            missing.append(path)
    git = f"{workspace}/.git"
    if is_repository(workspace):
        for name in GIT_CONTROL:
            path = f"{git}/{name}"
            (there if os.path.lexists(path) else missing).append(path)
    elif os.path.lexists(git):
        there.append(git)
    else:
        missing.append(git)
    return there, missing


def is_repository(workspace: str) -> bool:
    """Whether `.git` is a repository of its own, and not a stand-in, a pointer or a link."""
    git = f"{workspace}/.git"
    return os.path.isdir(git) and not os.path.islink(git) and os.path.exists(f"{git}/HEAD")


def environment(own: dict[str, str], mark: dict[str, str], profile: Profile | None, path: str = "") -> dict[str, str]:
    """What a command's environment holds: an allow-list of `own`, nothing secret, caches of its own."""
    kept = {name: own[name] for name in _KEPT if name in own} | _FIXED | mark
    if path:
        kept["PATH"] = path
    if profile is None:
        return kept
    if profile.cache:
        kept |= {"XDG_CACHE_HOME": profile.cache, "PIP_CACHE_DIR": f"{profile.cache}/pip", "npm_config_cache": f"{profile.cache}/npm"}
        kept |= {"UV_CACHE_DIR": f"{profile.cache}/uv", "CARGO_HOME": f"{profile.cache}/cargo", "GOMODCACHE": f"{profile.cache}/go"}
    if profile.proxy_port:
        address = f"http://127.0.0.1:{profile.proxy_port}"
        kept |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), address)
    return kept | {"TMPDIR": "/tmp"}
