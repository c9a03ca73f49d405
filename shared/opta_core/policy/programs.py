"""What is known about programs by their names: which run others, what destroys, what needs the network."""

import re

# Shell builtins that do with their words what they say and no more.
BUILTINS = frozenset({"cd", "echo", "false", "pwd", "true"})

# Programs that run what their words say: nothing is known from their name.
WRAPPERS = frozenset(
    """
    ash bash busybox chpst chroot chrt cmd command coproc csh dash doas env eval exec fakeroot fish flock ionice ksh nice nohup
    nsenter parallel pkexec powershell pwsh rlwrap runuser script setpriv setsid sg sh ssh sshpass start-stop-daemon stdbuf strace
    su sudo systemd-run taskset tcsh time timeout trap tsp unbuffer unshare watch xargs zsh expect gdb ltrace perf valgrind proot
    bwrap docker podman kubectl tmux screen at batch crontab entr nix-shell toolbox distrobox flatpak snap prlimit setarch linux32
    linux64 i386 x86_64 ssh-agent dbus-run-session poetry bundle pdm hatch rye pipenv tox nox direnv asdf mise volta fnm nvm
    corepack lldb catchsegv numactl cpulimit fakechroot faketime socat nc ncat netcat telnet ftp sftp scp rsh mosh vim vi nvim emacs
    nano ed ex view pico micro hx
    """.split()
)

# Builtins that read their words as code, or change what later words mean.
EVALUATING = frozenset(
    """
    . alias bind builtin caller compgen complete compopt declare enable export fc getopts hash help history let local logout mapfile
    printf read readarray readonly return set shift shopt source test times type typeset ulimit umask unalias unset wait bg fg jobs
    disown pushd popd dirs exit break continue suspend [ [[ : if then else fi for while until do done case esac select function in !
    {
    """.split()
)

# Interpreters: with a script or -c they are whatever the script is.
INTERPRETERS = re.compile(
    r"(python|pypy|node|nodejs|deno|bun|ruby|perl|php|lua|luajit|tclsh|wish|osascript|awk|gawk|mawk|nawk|java|jshell|groovy|scala|Rscript|julia"
    r"|guile|racket|sbcl|ghci?|runghc|elixir|erl|escript|swift|dotnet|ipython|ts-node|tsx|npx|bunx|pnpx|uvx|pipx)[\d.]*\Z"
)
_HARMLESS_INTERPRETING = frozenset({"--version", "-V", "-v", "--help", "-h"})


def plain_problem(argv: tuple[str, ...]) -> str:
    """Why the words of one program tell too little about what it does; '' when they do not."""
    name = argv[0]
    if not name:
        return "a program has no name"
    if "=" in name:
        return f"{name[:60]} looks like an assignment"
    if "/" in name:
        return f"{name[:60]} is given by its path"
    if name in WRAPPERS:
        return f"{name} runs other programs"
    if name in EVALUATING:
        return f"{name} is evaluated by the shell"
    if INTERPRETERS.match(name) and not (len(argv) == 2 and argv[1] in _HARMLESS_INTERPRETING):
        # Modules that do what their name says, judged by their words.
        if name.startswith("python") and len(argv) > 2 and argv[1] == "-m" and argv[2] in _MODULES:
            return ""
        return f"{name} runs a program of its own"
    if name in ("npm", "pnpm", "yarn", "bun") and len(argv) > 1 and argv[1] in ("exec", "x", "dlx", "explore", "create", "init"):
        return f"{name} {argv[1]} runs other programs"
    if name in ("make", "gmake", "ninja", "just") and any(
        word in ("-f", "--file", "--makefile") or re.match(r"-f.|--(make)?file=", word) for word in argv[1:]
    ):
        return f"{name} reads its rules from elsewhere"
    return ""


_MODULES = frozenset(
    """
    pytest unittest doctest pip venv ensurepip mypy pyright ruff black isort flake8 pylint compileall json.tool http.server build
    twine wheel sphinx mkdocs coverage django py_compile tokenize this calendar platform site sysconfig zipfile tarfile
    """.split()
)


def destroys(argv: tuple[str, ...]) -> str:
    """What of these words cannot be taken back; '' for nothing."""
    name, words = argv[0], argv[1:]
    if name in _DESTROYERS or name.startswith("mkfs."):
        return f"{name} destroys"
    if name == "mv" and any(re.match(r"/(tmp|run|dev/shm|var/tmp)(/|\Z)", word) for word in words):
        return "mv into a folder of the sandbox's own loses what is moved"
    if name == "cp" and any(word.startswith("/dev/") for word in words):
        return "cp from a device empties a file"
    if name == "git":
        sub, rest = git_subcommand(argv)
        flags = set(rest)
        if sub in ("clean", "filter-branch", "filter-repo", "gc", "prune", "reflog", "update-ref", "checkout-index", "read-tree"):
            return f"git {sub} discards"
        if sub == "reset" and any(is_long(word, "--hard", 3) or is_long(word, "--merge", 3) for word in rest):
            return "git reset --hard discards changes"
        if sub == "restore" and "--staged" not in flags:
            return "git restore discards changes"
        # What stands after checkout may be a branch or a file whose changes are discarded; only a new branch is certain.
        if sub == "checkout" and not (flags & {"-b", "-B"} and len(rest) <= 3 and "--" not in flags):
            return "git checkout may discard changes (git switch does not)"
        if sub == "switch" and ("-f" in flags or any(is_long(w, "--force", 3) or is_long(w, "--discard-changes", 4) for w in rest)):
            return "git switch discards changes"
        if sub == "push" and any(re.match(r"-[a-z]*[fd]|--(force|delete|mirror|prune)|\+|:", word) for word in rest):
            return "git push overwrites or deletes"
        if sub in ("branch", "tag", "remote", "worktree", "stash") and (
            flags & {"-d", "-D", "-f", "drop", "clear", "remove", "rm"}
            or any(is_long(w, "--delete", 3) or is_long(w, "--force", 3) for w in rest)
        ):
            return f"git {sub} deletes"
        if sub == "rm":
            return "git rm deletes"
    if name == "find" and any(word in ("-delete", "-exec", "-execdir", "-ok", "-okdir") for word in words):
        return "find deletes or runs"
    if name in ("npm", "pnpm", "yarn", "cargo", "gem", "twine", "uv", "poetry", "hatch") and {
        "publish",
        "unpublish",
        "upload",
        "yank",
    } & set(words):
        return f"{name} publishes"
    if name in ("chmod", "chown", "chgrp") and any(re.match(r"-[a-zA-Z]*R|--rec", word) for word in words):
        return f"{name} changes a whole tree"
    return ""


def needs_network(argv: tuple[str, ...]) -> bool:
    """Whether these words ask for something from elsewhere, as people commonly use them."""
    name, words = argv[0], argv[1:]
    if name == "git":
        return git_subcommand(argv)[0] in ("clone", "fetch", "pull", "push", "ls-remote", "submodule")
    if name.startswith("python") and words[:2] in (("-m", "pip"), ("-m", "venv")):
        return True
    wanted = _NETWORKED.get(name)
    return wanted is not None and (not wanted or bool(wanted & set(words)))


_DESTROYERS = frozenset(
    """
    rm rmdir shred unlink dd mkfs wipefs fdisk parted truncate kill killall pkill reboot shutdown halt poweroff systemctl service
    launchctl iptables mount umount swapoff userdel groupdel passwd chattr crontab dropdb dropuser redis-cli
    """.split()
)

_NETWORKED: dict[str, frozenset[str]] = {
    "pip": frozenset({"install", "download"}),
    "pip3": frozenset({"install", "download"}),
    "uv": frozenset({"pip", "add", "sync", "lock", "tool", "run"}),
    "npm": frozenset({"install", "i", "ci", "add", "update", "audit", "view", "outdated"}),
    "pnpm": frozenset({"install", "i", "add", "update"}),
    "yarn": frozenset({"install", "add", "up"}),
    "cargo": frozenset({"fetch", "add", "install", "update", "build", "test", "run", "check"}),
    "go": frozenset({"get", "mod", "install", "build", "test"}),
    "poetry": frozenset({"install", "add", "update", "lock"}),
    "bundle": frozenset({"install", "update"}),
    "gem": frozenset({"install"}),
    "apt": frozenset({"install", "update"}),
    "apt-get": frozenset({"install", "update"}),
    "brew": frozenset({"install", "update", "upgrade"}),
    "curl": frozenset(),
    "wget": frozenset(),
    "gh": frozenset(),
}


def is_long(word: str, option: str, shortest: int) -> bool:
    """Whether `word` is `option` or a prefix of it of at least `shortest` characters, with or without a value (getopt_long, git)."""
    head = word.partition("=")[0]
    return len(head) >= shortest and option.startswith(head)


def git_subcommand(argv: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """(subcommand, words after it); '' when options of git itself come first."""
    if len(argv) < 2 or argv[1].startswith("-"):
        return "", ()
    return argv[1], argv[2:]
