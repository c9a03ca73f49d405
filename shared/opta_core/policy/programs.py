"""What is known about programs: which run others, which options make a harmless one write or run, what destroys, what needs the network."""

import re
from collections.abc import Callable

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

Veto = Callable[[tuple[str, ...]], str]


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


def veto(argv: tuple[str, ...]) -> str:
    """What makes these words more than the program's name promises, after a rule allowed it; '' for nothing."""
    check = _VETOES.get(argv[0])
    return check(argv) if check else ""


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
        sub, rest = _git_subcommand(argv)
        flags = set(rest)
        if sub in ("clean", "filter-branch", "filter-repo", "gc", "prune", "reflog", "update-ref", "checkout-index", "read-tree"):
            return f"git {sub} discards"
        if sub == "reset" and any(_is_long(word, "--hard", 3) or _is_long(word, "--merge", 3) for word in rest):
            return "git reset --hard discards changes"
        if sub == "restore" and "--staged" not in flags:
            return "git restore discards changes"
        # What stands after checkout may be a branch or a file whose changes are discarded; only a new branch is certain.
        if sub == "checkout" and not (flags & {"-b", "-B"} and len(rest) <= 3 and "--" not in flags):
            return "git checkout may discard changes (git switch does not)"
        if sub == "switch" and ("-f" in flags or any(_is_long(w, "--force", 3) or _is_long(w, "--discard-changes", 4) for w in rest)):
            return "git switch discards changes"
        if sub == "push" and any(re.match(r"-[a-z]*[fd]|--(force|delete|mirror|prune)|\+|:", word) for word in rest):
            return "git push overwrites or deletes"
        if sub in ("branch", "tag", "remote", "worktree", "stash") and (
            flags & {"-d", "-D", "-f", "drop", "clear", "remove", "rm"}
            or any(_is_long(w, "--delete", 3) or _is_long(w, "--force", 3) for w in rest)
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
        return _git_subcommand(argv)[0] in ("clone", "fetch", "pull", "push", "ls-remote", "submodule")
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


def _is_long(word: str, option: str, shortest: int) -> bool:
    """Whether `word` is `option` or a prefix of it of at least `shortest` characters, with or without a value (getopt_long, git)."""
    head = word.partition("=")[0]
    return len(head) >= shortest and option.startswith(head)


def _git_subcommand(argv: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """(subcommand, words after it); '' when options of git itself come first."""
    if len(argv) < 2 or argv[1].startswith("-"):
        return "", ()
    return argv[1], argv[2:]


def _long_options(*options: tuple[str, int]) -> Veto:
    def check(argv: tuple[str, ...]) -> str:
        for word in argv[1:]:
            for option, shortest in options:
                if _is_long(word, option, shortest):
                    return f"{argv[0]} {word[:40]} writes or runs something"
        return ""

    return check


def _git(argv: tuple[str, ...]) -> str:
    sub, rest = _git_subcommand(argv)
    if not sub:
        return f"git {argv[1][:40]} changes how git works" if len(argv) > 1 else ""
    for word in rest:
        if word == "--":
            break
        if any(_is_long(word, option, n) for option, n in _GIT_LONG) or (
            re.match(r"-(O|c|o|u|x)", word)
            and not (word == "-c" and sub in ("commit", "switch"))
            and not (word.startswith("-u") and sub in ("push", "status", "add", "stash", "commit"))
            and not (word.startswith("-o") and sub in ("ls-files", "diff", "log", "push", "pull"))
        ):
            return f"git {sub} {word[:40]} writes or runs something"
    if sub in ("diff", "log", "show", "status", "blame", "branch", "rev-parse", "ls-files", "describe", "shortlog"):
        if sub == "branch" and any(
            word.startswith(("-m", "-M", "-c", "-C", "-d", "-D", "--edit", "--set", "--del", "--move")) for word in rest
        ):
            return f"git branch {rest[0]} changes branches"
        return ""
    if sub in (
        "config",
        "submodule",
        "bisect",
        "rebase",
        "difftool",
        "mergetool",
        "filter-branch",
        "hook",
        "instaweb",
        "daemon",
        "upload-pack",
    ):
        return f"git {sub} can run programs"
    return ""


_GIT_LONG = (
    ("--output", 5), ("--exec-path", 5), ("--ext-diff", 5), ("--textconv", 5), ("--open-files-in-pager", 5), ("--upload-pack", 5),
    ("--receive-pack", 5), ("--exec", 5), ("--config", 6), ("--template", 6), ("--separate-git-dir", 5), ("--paginate", 5),
)  # fmt: skip


def _find(argv: tuple[str, ...]) -> str:
    acts = {"-exec", "-execdir", "-ok", "-okdir", "-delete", "-fprint", "-fprint0", "-fprintf", "-fls", "-files0-from"}
    return next((f"find {word} acts on what it finds" for word in argv[1:] if word in acts), "")


def _sed(argv: tuple[str, ...]) -> str:
    """Only `-n`, `-E` and the like, one script that prints, deletes or substitutes, and files after it."""
    rest = list(argv[1:])
    while rest and rest[0].startswith("-") and rest[0] != "-":
        if not re.fullmatch(r"-[nErsuz]+", rest[0]):
            return f"sed {rest[0][:40]} may run or write"
        rest.pop(0)
    script = rest.pop(0) if rest else ""
    if not re.fullmatch(r"(\d+|\$)?(,(\d+|\$))?[pdq=]|/[^/\\]*/[pd]|s/[^/\\]*/[^/\\]*/[gpI\d]*", script):
        return f"sed script {script[:40]!r} may run or write"
    # Options count wherever they stand.
    return next((f"sed {word[:40]} may run or write" for word in rest if word.startswith("-") and word != "-"), "")


def _sort(argv: tuple[str, ...]) -> str:
    for word in argv[1:]:
        if re.match(r"-[a-zA-Z]*[oT]", word) or any(_is_long(word, o, n) for o, n in (("--output", 3), ("--compress-program", 4), ("--files0-from", 4), ("--temporary-directory", 4))):  # fmt: skip
            return f"sort {word[:40]} writes or runs something"
    return ""


def _curl(argv: tuple[str, ...]) -> str:
    for word in argv[1:]:
        if re.match(r"-[a-zA-Z#]*[oOKTFdcDEJ]", word) or re.match(
            r"--(out|rem|conf|upl|form|data|json|cook|dump|trace|cert|key|create|netrc|proxy|engine|lib|etag|hsts|alt)", word
        ):
            return f"curl {word[:40]} writes a file or sends data"
    return ""


def _xxd(argv: tuple[str, ...]) -> str:
    operands = [word for word in argv[1:] if word == "-" or not word.startswith("-")]
    return "xxd writes" if len(operands) > 1 or any(re.match(r"-[a-z]*r|-revert", word) for word in argv[1:]) else ""


def _short(*letters: str) -> Veto:
    def check(argv: tuple[str, ...]) -> str:
        for word in argv[1:]:
            if re.match(rf"-[a-zA-Z]*[{''.join(letters)}]", word) and not word.startswith("--"):
                return f"{argv[0]} {word[:40]} writes or runs something"
        return ""

    return check


def _either(*checks: Veto) -> Veto:
    return lambda argv: next((problem for check in checks if (problem := check(argv))), "")


def _always(argv: tuple[str, ...]) -> str:
    return f"{argv[0]} writes files"


_VETOES: dict[str, Veto] = {
    "git": _git,
    "find": _find,
    "sed": _sed,
    "sort": _sort,
    "curl": _curl,
    "rg": _long_options(("--pre", 5), ("--hostname-bin", 5), ("--search-zip", 9)),
    "grep": _long_options(("--file", 6)),
    "fd": _either(_long_options(("--exec", 3), ("--exec-batch", 3)), _short("x", "X")),
    "fdfind": _either(_long_options(("--exec", 3), ("--exec-batch", 3)), _short("x", "X")),
    "shuf": _either(_long_options(("--output", 3)), _short("o")),
    "iconv": _either(_long_options(("--output", 3)), _short("o")),
    "yq": _either(_long_options(("--inplace", 3), ("--in-place", 3)), _short("i")),
    "gcc": lambda argv: next(
        (f"gcc {w[:40]} runs something" for w in argv[1:] if w.startswith(("-wrapper", "-fplugin", "-specs", "-B", "@"))), ""
    ),
    "g++": lambda argv: next(
        (f"g++ {w[:40]} runs something" for w in argv[1:] if w.startswith(("-wrapper", "-fplugin", "-specs", "-B", "@"))), ""
    ),
    "sqlite3": _always,
    "psql": _always,
    "mysql": _always,
    "tar": _always,
    "tee": _always,
    "dd": _always,
    "wget": _always,
    "unzip": _always,
    "zip": _always,
    "install": _always,
    "rsync": _always,
    "ln": _always,
    "less": _always,
    "more": _always,
    "man": _always,
    "tree": lambda argv: "tree -o writes a file" if any(re.match(r"-[a-zA-Z]*[oR]", word) for word in argv[1:]) else "",
    "uniq": lambda argv: "uniq writes its second file" if len([w for w in argv[1:] if w == "-" or not w.startswith("-")]) > 1 else "",
    "date": lambda argv: "date sets the clock" if any(re.match(r"-[a-zA-Z]*[sf]|--(set|file)", word) for word in argv[1:]) else "",
    "hostname": lambda argv: "hostname sets the name" if len(argv) > 1 else "",
    "diff": _long_options(("--to-file", 4), ("--from-file", 4)),
    "file": lambda argv: "file -C compiles" if any(re.match(r"-[a-zA-Z]*[Cmf]|--(com|mag|files)", word) for word in argv[1:]) else "",
    "xxd": _xxd,
    "split": _always,
    "patch": _always,
}
