"""The outcome of a search, the same for every search engine."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..result import Outcome

MATCHES_MAX = 200
# So many are kept, to be read on in.
KEPT_MAX = 2000
SHOWN_CHARS_MAX, SHOWN_BEFORE = 300, 100
NAMES_MAX = 5


@dataclass
class Unsearched:
    """What a search did not look at, or cannot show: reason -> the paths, and reasons without paths."""

    paths: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    reasons: list[str] = field(default_factory=list[str])

    def add(self, reason: str, path: str) -> None:
        """A file or folder."""
        self.paths.setdefault(reason, []).append(path)

    def notes(self) -> list[str]:
        """One line for each reason."""
        lines = [f"[{reason}: {_listed(sorted(set(paths)))}]" for reason, paths in self.paths.items()]
        return lines + [f"[{reason}]" for reason in self.reasons]


def matches(pattern: str, found: list[str], total: int, notes: Iterable[str] = (), about: str = "") -> Outcome:
    """The outcome of grep: `found` are the first of `total` matching lines. `about`: how the pattern was read."""
    return _outcome(f"{total or 'no'} {'match' if total == 1 else 'matches'} for {pattern}{about}", found, total, list(notes))


def names(pattern: str, found: list[str], total: int, notes: Iterable[str] = (), about: str = "") -> Outcome:
    """The outcome of search_files: `found` are the first of `total` matching names."""
    return _outcome(f"{total or 'no'} {'file' if total == 1 else 'files'} matching {pattern}{about}", found, total, list(notes))


def around(text: str, at: int) -> str:
    """The part of a line that is shown: its beginning, or what surrounds the match at character `at`."""
    begin = at - SHOWN_BEFORE if at + 50 > SHOWN_CHARS_MAX else 0
    shown = text[begin : begin + SHOWN_CHARS_MAX].strip().replace("\0", "\\0")
    return f"{'…' if begin else ''}{shown}{'…' if begin and begin + SHOWN_CHARS_MAX < len(text) else ''}"


def _outcome(head: str, found: list[str], total: int, notes: list[str]) -> Outcome:
    head = head.replace("\n", "\\n").replace("\r", "\\r")
    more = [f"… {total - MATCHES_MAX} more"] if total > MATCHES_MAX else []
    content = "\n".join([head, *found[:MATCHES_MAX], *more, *notes])
    whole = "\n".join([head, *found, *notes]) if len(found) > MATCHES_MAX else ""
    return Outcome(content, lines=total, is_truncated=bool(more or notes), whole=whole)


def _listed(paths: list[str]) -> str:
    rest = f" and {len(paths) - NAMES_MAX} more" if len(paths) > NAMES_MAX else ""
    return ", ".join(paths[:NAMES_MAX]) + rest
