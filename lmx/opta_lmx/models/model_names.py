"""Finds the model that a request names, however the client writes the name: `org/name`, another case, `name:tag`."""

from collections.abc import Collection, Iterable, Mapping


def find(wanted: str, known: Collection[str], aliases: Mapping[str, str]) -> str | None:
    """The name of a model that is here, or None.

    An exact name counts before an alias, and a longer match before a shorter one. A name that fits several models fits none.
    """
    for name in _forms(wanted):
        if name in known:
            return name
        if (other := aliases.get(name)) in known:
            return other
    by_folded = _unique((_folded(name), name) for name in known)
    by_folded_alias = _unique((_folded(alias), name) for alias, name in aliases.items() if name in known)
    by_last_part = _unique((_folded(name.rpartition("/")[2]), name) for name in known)
    for table in (by_folded, by_folded_alias, by_last_part):
        for name in _forms(wanted):
            if found := table.get(_folded(name)):
                return found
    return None


def _forms(wanted: str) -> list[str]:
    """The name as it stands, without its tag or with it as a last part, and each without its owner; the most exact form first."""
    head, colon, tag = wanted.rpartition(":")
    whole = [wanted, f"{head}-{tag}", head] if colon and head and "/" not in tag else [wanted]
    last = [name.rpartition("/")[2] for name in whole]
    return list(dict.fromkeys(name for name in [*whole, *last] if name))


def _folded(name: str) -> str:
    return name.casefold()


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """A table of the keys that belong to one name only."""
    found: dict[str, set[str]] = {}
    for key, name in pairs:
        found.setdefault(key, set()).add(name)
    return {key: next(iter(names)) for key, names in found.items() if len(names) == 1}
