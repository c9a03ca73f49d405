"""Globs as models write them: over names or paths, with braces, negation and lists. Each is translated by `opta_core.globs`."""

import re

from opta_core import globs

from ..result import ToolProblem

ALTERNATIVES_MAX = 64
_WILD = re.compile(r"[*?\[]")
_ESCAPED = re.compile(r"\\([*?\[\]])")


class NameGlob:
    """One or more globs. A glob with a slash is matched against the path, one without against the name.

    `base`: the folder that is searched, `root`: the real path of the workspace; a path may be given from either.
    """

    def __init__(self, text: str, base: str = ".", root: str = "", *, is_loose: bool = False):
        self._base = "" if base == "." else f"{base}/"
        self._ignores_case = is_loose
        self._wanted: list[re.Pattern[str]] = []
        self._wanted_names: list[re.Pattern[str]] = []
        self._unwanted = list[re.Pattern[str]]()
        self._unwanted_names = list[re.Pattern[str]]()
        for part in (alternative for given in _parts(text) for alternative in _expanded(given)):
            is_negated = part.startswith("!") and len(part) > 1
            self._add(_cleaned(part.removeprefix("!") if is_negated else part, root), is_negated=is_negated, is_loose=is_loose)

    def matches(self, path: str) -> bool:
        """Whether a path, relative to the workspace, is wanted."""
        path = path.casefold() if self._ignores_case else path
        spellings = (path, path.removeprefix(self._base))
        name = path.rsplit("/", 1)[-1]
        if any(glob.match(name) for glob in self._unwanted_names) or _any(self._unwanted, spellings):
            return False
        if not self._wanted and not self._wanted_names:
            return True
        return any(glob.match(name) for glob in self._wanted_names) or _any(self._wanted, spellings)

    def _add(self, part: str, *, is_negated: bool, is_loose: bool) -> None:
        part = part.casefold() if is_loose else part
        paths, names = (self._unwanted, self._unwanted_names) if is_negated else (self._wanted, self._wanted_names)
        if "/" not in part:
            names += _compiled(part)
        else:
            paths += _compiled(f"**/{part}" if is_loose else part)
        if not _WILD.search(part):
            # The name of a folder means what is beneath it.
            paths += _compiled(f"**/{part}/**")


def _any(patterns: list[re.Pattern[str]], spellings: tuple[str, ...]) -> bool:
    return any(glob.match(spelling) for glob in patterns for spelling in spellings)


def _parts(text: str) -> list[str]:
    """The globs of a list such as `*.py, *.ts`; a comma in a name stays."""
    parts = [part.strip() for part in re.split(r",(?![^{]*\})|\s+(?=!?\*|!)", text) if part.strip()]
    is_list = len(parts) > 1 and all(_WILD.search(part) or part.startswith(("!", ".")) for part in parts)
    return parts if is_list else [text.strip() or text]


def _expanded(glob: str) -> list[str]:
    """The alternatives of a glob with braces. Raises ToolProblem for too many."""
    waiting, done = [glob], list[str]()
    while waiting:
        one = waiting.pop(0)
        innermost = re.search(r"\{([^{}]*,[^{}]*)\}", one)
        if innermost is None:
            done.append(one)
        else:
            waiting += [one[: innermost.start()] + choice + one[innermost.end() :] for choice in innermost[1].split(",")]
        if len(waiting) + len(done) > ALTERNATIVES_MAX:
            raise ToolProblem(f"the glob {glob[:100]} has more than {ALTERNATIVES_MAX} alternatives; give a simpler one")
    return done


def _cleaned(part: str, root: str) -> str:
    if root and part.startswith(f"{root}/"):
        part = part[len(root) + 1 :]
    part = part.removeprefix("./").lstrip("/")
    return f"{part}**" if part.endswith("/") else part


def _compiled(part: str) -> list[re.Pattern[str]]:
    try:
        found = [globs.compiled(_ESCAPED.sub(lambda match: f"[{match[1]}]", part))]
    except ValueError as error:
        raise ToolProblem(str(error)) from None
    # `[id].tsx` may be a set or the name of a file.
    return [*found, globs.compiled(globs.without_sets(part))] if "[" in part else found
