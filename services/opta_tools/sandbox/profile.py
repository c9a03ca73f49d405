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
GIT_CONTROL = ("config", "config.worktree", "hooks", "info", "commondir")
# What stands in for those of them that are files: git reads its own place from `commondir`, and nothing from an empty configuration.
GIT_FILES = {"config": "", "config.worktree": "", "commondir": ".\n"}
# Made impossible also where they are not there; of the rest only what is there is kept as it is.
STAND_INS = frozenset({".git", ".opta", ".mcp.json", ".vscode", ".envrc", ".gitmodules"})
NESTED_DEPTH_MAX, NESTED_FOLDERS_MAX, REPOSITORIES_MAX = 3, 300, 32
_NOT_WALKED = frozenset({"node_modules", ".git", ".venv", "venv", "target", "__pycache__", ".tox", "dist", "build"})
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
    # The workspace can be read and not written (MCP servers).
    is_read_only: bool = False
    # Where temporary files go when /tmp is the machine's own (landlock).
    scratch: str = ""
    proxy_port: int = 0


def hidden_paths(home: Path, own: tuple[Path, ...]) -> tuple[str, ...]:
    """What to hide: credentials of the person's home, and the daemon's `own` folders."""
    found = {os.path.realpath(path) for path in (*(home / name for name in HIDDEN), *own) if os.path.lexists(path)}
    return tuple(sorted(found))


def control_paths(workspace: str) -> tuple[list[str], list[str]]:
    """(files and folders of a workspace that only people write and that are there, those that are not there)."""
    there: list[str] = []
    missing: list[str] = []
    # A shell reads its files in a home only.
    is_home = workspace == os.path.realpath(os.path.expanduser("~"))
    for name in (*PROTECTED_FOLDERS, *PROTECTED_FILES):
        path = f"{workspace}/{name}"
        if os.path.lexists(path):
            if name != ".git" or not is_repository(path):
                there.append(path)
        elif name in STAND_INS or is_home:
            missing.append(path)
    there += [path for path in nested(workspace) if not is_repository(path)]
    for git in repositories(workspace):
        for name in GIT_CONTROL:
            path = f"{git}/{name}"
            (there if os.path.lexists(path) else missing).append(path)
        there += _git_pointers(git)
    return there, missing


def repositories(workspace: str) -> list[str]:
    """The folders of a workspace that are git's own: its `.git`, nested ones, and those of submodules."""
    found = [path for path in (f"{workspace}/.git", *nested(workspace)) if is_repository(path)]
    for git in list(found):
        waiting = [f"{git}/modules"]
        while waiting and len(found) < REPOSITORIES_MAX:
            for path in _folders(waiting.pop()):
                if is_repository(path):
                    found.append(path)
                    waiting.append(f"{path}/modules")
                else:
                    waiting.append(path)
    return found


def is_repository(git: str) -> bool:
    """Whether a folder is a repository's own, and not a stand-in, a pointer or a link."""
    return os.path.isdir(git) and not os.path.islink(git) and os.path.exists(f"{git}/HEAD")


def nested(workspace: str) -> list[str]:
    """Control folders and files below the top of a workspace, as far as a bounded walk finds them."""
    wanted = {".git", ".opta", ".mcp.json", ".vscode"}
    found: list[str] = []
    waiting = [(path, 1) for path in _folders(workspace)]
    seen = 0
    while waiting and seen < NESTED_FOLDERS_MAX:
        folder, depth = waiting.pop(0)
        if folder.rsplit("/", 1)[-1] in _NOT_WALKED or folder.rsplit("/", 1)[-1] in wanted:
            continue
        seen += 1
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        found += [entry.path for entry in entries if entry.name in wanted and not entry.is_symlink()]
        if depth < NESTED_DEPTH_MAX:
            waiting += [(entry.path, depth + 1) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return found


def _git_pointers(git: str) -> list[str]:
    """What says where a worktree has its repository, and a worktree's own configuration."""
    return [
        path
        for tree in _folders(f"{git}/worktrees")
        for name in ("commondir", "gitdir", "config.worktree")
        if os.path.lexists(path := f"{tree}/{name}")
    ]


def _folders(folder: str) -> list[str]:
    try:
        return [entry.path for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


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
    return kept | {"TMPDIR": profile.scratch or "/tmp"}
