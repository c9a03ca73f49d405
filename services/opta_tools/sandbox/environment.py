"""The environment of a command: an allow-list of this process's own, nothing secret, and places for caches."""

# What a command may know of the machine and its toolchains.
KEPT = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "USER", "LOGNAME", "SHELL", "TZ", "VIRTUAL_ENV", "JAVA_HOME", "GOROOT", "NVM_DIR", "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN", "PYENV_ROOT", "RBENV_ROOT", "SDKMAN_DIR", "VOLTA_HOME", "ASDF_DIR", "ANDROID_HOME", "DOTNET_ROOT",
    "LANGUAGE", "LC_MESSAGES", "LC_COLLATE", "LC_NUMERIC", "LC_TIME", "GOPATH", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "FNM_DIR", "PNPM_HOME", "BUN_INSTALL",
    "NIX_PATH",
)  # fmt: skip
# No pager waits for a key, git asks nobody, and installers of git hooks leave the repository's configuration alone.
FIXED = {
    "PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "NO_COLOR": "1", "GIT_OPTIONAL_LOCKS": "0", "HUSKY": "0", "LEFTHOOK": "0",
    "DOCKER_CONFIG": "/nonexistent",
}  # fmt: skip
PROXY_PORT = 3128
_PROXY_NAMES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")


def environment(own: dict[str, str], mark: dict[str, str], path: str = "") -> dict[str, str]:
    """What every command has. `own`: this process's environment; `mark`: how its processes are known."""
    kept = {name: own[name] for name in KEPT if name in own} | FIXED | mark
    return kept | {"PATH": path} if path else kept


def contained(cache: str, scratch: str, *, has_proxy: bool) -> dict[str, str]:
    """What a contained command has besides: folders it may write, and the way out when there is one."""
    found = {"TMPDIR": scratch, "XDG_CACHE_HOME": cache, "PIP_CACHE_DIR": f"{cache}/pip", "npm_config_cache": f"{cache}/npm"}
    found |= {"UV_CACHE_DIR": f"{cache}/uv", "CARGO_HOME": f"{cache}/cargo", "GOMODCACHE": f"{cache}/go", "GOCACHE": f"{cache}/go-build"}
    found |= {"GRADLE_USER_HOME": f"{cache}/gradle", "YARN_CACHE_FOLDER": f"{cache}/yarn", "MAVEN_ARGS": f"-Dmaven.repo.local={cache}/m2"}
    if has_proxy:
        address = f"http://127.0.0.1:{PROXY_PORT}"
        found |= dict.fromkeys(_PROXY_NAMES, address) | {
            "NODE_USE_ENV_PROXY": "1",
            "no_proxy": "127.0.0.1,localhost,::1",
            "NO_PROXY": "127.0.0.1,localhost,::1",
        }
    return found
