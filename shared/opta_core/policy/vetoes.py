"""Options that make an allowed program more than its name promises: checked after a rule allowed it."""

import re
from collections.abc import Callable

from .programs import git_subcommand, is_long

Veto = Callable[[tuple[str, ...]], str]


def veto(argv: tuple[str, ...]) -> str:
    """What makes these words more than the program's name promises, after a rule allowed it; '' for nothing."""
    check = _VETOES.get(argv[0])
    return check(argv) if check else ""


def _long_options(*options: tuple[str, int]) -> Veto:
    def check(argv: tuple[str, ...]) -> str:
        for word in argv[1:]:
            for option, shortest in options:
                if is_long(word, option, shortest):
                    return f"{argv[0]} {word[:40]} writes or runs something"
        return ""

    return check


def _git(argv: tuple[str, ...]) -> str:
    sub, rest = git_subcommand(argv)
    if not sub:
        return f"git {argv[1][:40]} changes how git works" if len(argv) > 1 else ""
    for word in rest:
        if word == "--":
            break
        if any(is_long(word, option, n) for option, n in _GIT_LONG) or (
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
        if re.match(r"-[a-zA-Z]*[oT]", word) or any(is_long(word, o, n) for o, n in (("--output", 3), ("--compress-program", 4), ("--files0-from", 4), ("--temporary-directory", 4))):  # fmt: skip
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
