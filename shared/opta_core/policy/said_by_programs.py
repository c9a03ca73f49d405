"""What a program prints, as far as that is certain: `$(nproc)` is a number, `$(git rev-parse HEAD)` the name of a commit."""

import fnmatch
import os
import re

from .contained_paths import UNKNOWN

# The words of a program, joined by blanks -> what stands for all that it may print. None of it is an option or a path.
_SAYINGS = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"nproc( --all)?|getconf _NPROCESSORS_ONLN|sysctl -n hw\.ncpu|date \+%[sYmdHMS]+|id -u|seq( -w)?( \d+){1,3}|expr [\d+*/ -]+", "1"),
        (r"wc -[lwc]|grep -[viwEFx]*c[viwEFx]* [^-]\S*( [^-*?\[]\S*)?", "1"),
        (r"git merge-base( [\w/][\w./~^@{}-]*)+", "HEAD"),
        (r"git rev-parse( --short(=\d+)?| --verify| --quiet| -q)* (HEAD|@|main|master|origin/\w+)[~^@{}\d]*", "HEAD"),
        (r"git rev-parse( --quiet| -q)* (--verify|--short)( [\w/][\w./~^@{}-]*)", "HEAD"),
        (r"git rev-list( -\d+| -n ?\d+| --max-count=\d+| --reverse| --all| --no-merges| [\w/][\w./~^@{}-]*)+", "HEAD"),
        (r"git log( -\d+| -n ?\d+| --reverse| --all| --(pretty|format)=(format:)?%[hH]| [\w/][\w./~^@{}-]*)+", "HEAD"),
        (r"date( -u)?( \+%[a-zA-Z](%[a-zA-Z]|[-_:T])*)?|uname -[smr]|whoami|id -un|arch", "text"),
    )
)
# `find FOLDER` with tests only: every line begins with the folder.
_FOUND = re.compile(r"find [\w.][\w./-]*(?:(?! -(?:printf|fprint|ls|fls|exec|ok|delete|files0)) -[^\x01]*)?")
# What may follow it in a pipe: they print some of its lines.
_PASSING = re.compile(r"(head|tail)( -n? ?\d+)?|sort( -[a-zA-Z]+)?|uniq|grep( -[vEiFw]+)* [^-].*")
_COUNTING = re.compile(r"wc -[lwc]|grep -c [^-]\S*")


def said_by(programs: list[tuple[str, ...]], folders: tuple[str, ...]) -> str:
    """A placeholder for what the programs of a substitution print: harmless text, a path below a folder, or UNKNOWN."""
    if not programs:
        return UNKNOWN
    first, texts = programs[0], [" ".join(argv) for argv in programs]
    if len(texts) > 1 and _COUNTING.fullmatch(texts[-1]):
        return "1"
    if (any(UNKNOWN in text for text in texts) and first[0] not in ("basename", "dirname")) or not all(map(_PASSING.fullmatch, texts[1:])):
        return UNKNOWN
    if said := next((said for pattern, said in _SAYINGS if pattern.fullmatch(texts[0])), ""):
        return said
    if first == ("pwd",) and len(folders) == 1 and len(programs) == 1:
        return folders[0]
    if first[0] in ("basename", "dirname") and len(programs) == 1 and 2 <= len(first) <= 3 and not first[1].startswith("-"):
        path = first[1].rstrip("/")
        if first[0] == "dirname":
            return os.path.dirname(path) or "."
        name = os.path.basename(path)
        return name.removesuffix(first[2]) if len(first) == 3 and name != first[2] else name
    if first[0] == "find" and _FOUND.fullmatch(texts[0]):
        return f"{first[1].rstrip('/')}/{UNKNOWN}"
    return UNKNOWN


def cut(value: str, expansion: str) -> str:
    """What `${x%y}`, `${x#y}` or `${x/y/z}` leaves of a value that is known in full; UNKNOWN for any other."""
    found = re.fullmatch(r"\$\{\w+(%%?|##?|//?)([^/}]*)(?:/([^}]*))?\}", expansion)
    if UNKNOWN in value or not found or len(value) > 1024:
        return UNKNOWN
    operator, pattern, new = found.groups()
    if new and operator not in ("/", "//"):
        pattern, new = f"{pattern}/{new}", None
    if operator in ("/", "//"):
        if set(pattern) & set("*?[#%\\"):
            return UNKNOWN
        return value.replace(pattern, new or "", 1 if operator == "/" else -1)
    ends = range(len(value) + 1)
    if operator[0] == "%":
        starts = ends if len(operator) == 2 else reversed(ends)
        return next((value[:at] for at in starts if fnmatch.fnmatchcase(value[at:], pattern)), value)
    starts = reversed(ends) if len(operator) == 2 else ends
    return next((value[at:] for at in starts if fnmatch.fnmatchcase(value[:at], pattern)), value)


def printed_by(argv: tuple[str, ...]) -> str | None:
    """The whole text that `echo` or `printf` prints; None when it is not certain, or for another program."""
    name, words = argv[0], list(argv[1:])
    if any(UNKNOWN in word for word in words):
        return None
    if name == "echo":
        is_open = words[:1] == ["-n"]
        if words[:1] and words[0].startswith("-") and not is_open:
            return None
        return " ".join(words[1:] if is_open else words) + ("" if is_open else "\n")
    if name != "printf" or not words or words[0].startswith("-") or re.search(r"\\[^nt\\\"']", words[0]):
        return None
    form = re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found.group(1), found.group(1)), words[0])
    count = form.count("%s")
    if form.count("%") != count:
        return None
    if not count:
        return form
    # The format is used again until the words are used up.
    found: list[str] = []
    for at in range(1, max(2, len(words)), count):
        given = [*words[at : at + count], *[""] * count][:count]
        pieces = form.split("%s")
        found.append(pieces[0] + "".join(map("".join, zip(given, pieces[1:], strict=True))))
    return "".join(found)
