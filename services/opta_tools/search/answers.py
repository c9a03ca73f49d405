"""What a search answers, whichever engine found it."""

from ..result import Outcome

MATCHES_MAX = 200


def matches(pattern: str, shown: list[str], total: int, note: str = "") -> Outcome:
    """The lines that fit a pattern: `shown` of `total`. `note` says why there may be more."""
    return _outcome(f"{total or 'no'} {'match' if total == 1 else 'matches'} for {pattern}", shown, total, note)


def names(pattern: str, shown: list[str], total: int, note: str = "") -> Outcome:
    """The files whose names fit a pattern: `shown` of `total`."""
    return _outcome(f"{total or 'no'} {'file' if total == 1 else 'files'} matching {pattern}", shown, total, note)


def _outcome(head: str, shown: list[str], total: int, note: str) -> Outcome:
    rest = [f"… {total - MATCHES_MAX} more"] if total > MATCHES_MAX else []
    if note:
        rest.append(note)
    return Outcome("\n".join([head, *shown, *rest]), lines=total, is_truncated=bool(rest))
