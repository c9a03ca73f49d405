"""The outcome of a search, the same for every search engine."""

from ..result import Outcome

MATCHES_MAX = 200


def matches(pattern: str, shown: list[str], total: int, note: str = "") -> Outcome:
    """The outcome of grep: `shown` are the first of `total` matching lines. `note` says why there may be more."""
    return _outcome(f"{total or 'no'} {'match' if total == 1 else 'matches'} for {pattern}", shown, total, note)


def names(pattern: str, shown: list[str], total: int, note: str = "") -> Outcome:
    """The outcome of search_files: `shown` are the first of `total` matching names. `note` says why there may be more."""
    return _outcome(f"{total or 'no'} {'file' if total == 1 else 'files'} matching {pattern}", shown, total, note)


def _outcome(head: str, shown: list[str], total: int, note: str) -> Outcome:
    rest = [f"… {total - MATCHES_MAX} more"] if total > MATCHES_MAX else []
    if note:
        rest.append(note)
    return Outcome("\n".join([head, *shown, *rest]), lines=total, is_truncated=bool(rest))
