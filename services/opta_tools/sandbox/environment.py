"""The environment variables of a command: an allow-list of this process's variables, without secrets, and folders for caches."""

# Variables that describe the machine and its toolchains.
KEPT = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "USER", "LOGNAME", "SHELL", "TZ", "VIRTUAL_ENV", "JAVA_HOME", "GOROOT", "NVM_DIR", "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN", "PYENV_ROOT", "RBENV_ROOT", "SDKMAN_DIR", "VOLTA_HOME", "ASDF_DIR", "ANDROID_HOME", "DOTNET_ROOT",
    "LANGUAGE", "LC_MESSAGES", "LC_COLLATE", "LC_NUMERIC", "LC_TIME", "GOPATH", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "FNM_DIR", "PNPM_HOME", "BUN_INSTALL",
    "NIX_PATH",
)  # fmt: skip
# Prevents pagers that wait for a key, questions of git, and installers of git hooks that change a repository's configuration.
FIXED = {
    "PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "NO_COLOR": "1", "GIT_OPTIONAL_LOCKS": "0", "HUSKY": "0", "LEFTHOOK": "0",
    "DOCKER_CONFIG": "/nonexistent",
    # Instead of an editor, a program that changes nothing: git's proposal is used, and an empty message ends the commit.
    "EDITOR": "true", "VISUAL": "true", "GIT_EDITOR": "true", "GIT_SEQUENCE_EDITOR": "true",
}  # fmt: skip
# A sandbox shows no keys. A repository that requires signed commits gets unsigned ones; `git commit -S` fails with a message.
UNSIGNED = {
    "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "commit.gpgSign", "GIT_CONFIG_VALUE_0": "false", "GIT_CONFIG_KEY_1": "tag.gpgSign",
    "GIT_CONFIG_VALUE_1": "false",
}  # fmt: skip
# Without a network, every retry fails too, after up to a minute. (pip needs one retry to report the reason.)
WITHOUT_NETWORK = {
    "npm_config_fetch_retries": "0", "npm_config_prefer_offline": "true", "pnpm_config_fetch_retries": "0", "pnpm_config_prefer_offline": "true",
    "YARN_HTTP_RETRY": "0", "PIP_RETRIES": "1", "UV_HTTP_RETRIES": "0", "POETRY_REQUESTS_MAX_RETRIES": "0", "CONDA_REMOTE_MAX_RETRIES": "0",
    "CARGO_NET_RETRY": "0", "BUNDLE_RETRY": "0",
}  # fmt: skip
PROXY_PORT = 3128
_PROXY_NAMES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")


def environment(inherited: dict[str, str], mark: dict[str, str], path: str = "") -> dict[str, str]:
    """The variables of every command. `inherited`: of this process; `mark`: the variable that marks the command's processes."""
    kept = {name: inherited[name] for name in KEPT if name in inherited} | FIXED | mark
    return kept | {"PATH": path} if path else kept


def contained_environment(cache: str, scratch: str, *, has_proxy: bool) -> dict[str, str]:
    """Further variables of a contained command: folders that it may write, and the proxy if it has a network."""
    found = {"TMPDIR": scratch, "XDG_CACHE_HOME": cache, "PIP_CACHE_DIR": f"{cache}/pip", "npm_config_cache": f"{cache}/npm"}
    found |= {"UV_CACHE_DIR": f"{cache}/uv", "CARGO_HOME": f"{cache}/cargo", "GOMODCACHE": f"{cache}/go", "GOCACHE": f"{cache}/go-build"}
    found |= {"GRADLE_USER_HOME": f"{cache}/gradle", "YARN_CACHE_FOLDER": f"{cache}/yarn", "MAVEN_ARGS": f"-Dmaven.repo.local={cache}/m2"}
    # Maven before 3.9 does not read MAVEN_ARGS. pnpm would put its store in the workspace, and its versions in a read-only folder.
    found |= {"MAVEN_OPTS": f"-Dmaven.repo.local={cache}/m2", "PNPM_HOME": f"{cache}/pnpm", "pnpm_config_store_dir": f"{cache}/pnpm/store"}
    found |= UNSIGNED
    if not has_proxy:
        found |= WITHOUT_NETWORK
    else:
        address = f"http://127.0.0.1:{PROXY_PORT}"
        found |= dict.fromkeys(_PROXY_NAMES, address) | {
            "NODE_USE_ENV_PROXY": "1",
            "no_proxy": "127.0.0.1,localhost,::1",
            "NO_PROXY": "127.0.0.1,localhost,::1",
        }
    return found
