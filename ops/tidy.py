"""`./opta dev tidy`: checks the mechanical rules of the house style against two lists.

`tidy_allowed.toml` lists permanent exceptions, each place with its reason. `tidy_backlog.toml` lists what is still to be fixed,
each place with its count. **Invariant:** the backlog only shrinks. A count above the list fails. A count below it also fails, until
`./opta dev tidy` has written the lower count. No command writes a higher count.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from tidy_rules import RULES

ROOT = Path(__file__).parent.parent
Lists = Mapping[str, Mapping[str, int]]
_HEAD = "# What is still to be repaired: rule, place, count. `./opta dev tidy` lowers the counts; nothing raises them.\n"


def counts(root: Path = ROOT) -> dict[str, dict[str, int]]:
    """Rule -> place -> count in the current tree."""
    return {name: dict(rule(root)) for name, (rule, _) in RULES.items()}


def allowed(root: Path = ROOT) -> dict[str, dict[str, str]]:
    """Rule -> place -> reason of the exception."""
    return tomllib.loads((root / "ops/tidy_allowed.toml").read_text())


def backlog(root: Path = ROOT) -> dict[str, dict[str, int]]:
    """Rule -> place -> count that is still to be fixed."""
    return tomllib.loads((root / "ops/tidy_backlog.toml").read_text())


def problems(found: Lists, listed: Lists, reasons: Mapping[str, Mapping[str, str]]) -> list[str]:
    """One line for each place whose count differs from the lists, or that is listed without a reason."""
    lines: list[str] = []
    for rule in RULES:
        now, known, stays = found.get(rule, {}), listed.get(rule, {}), reasons.get(rule, {})
        for place in sorted({*now, *known, *stays}):
            lines += _problem(rule, place, now.get(place, 0), known.get(place, 0), stays.get(place))
    unknown = sorted({*listed, *reasons} - RULES.keys())
    return lines + [f"{rule}: there is no such rule" for rule in unknown]


def shrunk(found: Lists, listed: Lists) -> dict[str, dict[str, int]]:
    """The backlog with the counts lowered to the current ones."""
    return {
        rule: {place: min(count, found[rule][place]) for place, count in places.items() if found.get(rule, {}).get(place, 0)}
        for rule, places in listed.items()
    }


def written(listed: Lists) -> str:
    """The text of a backlog."""
    parts = [
        f"\n[{rule}]\n" + "".join(f'"{place}" = {count}\n' for place, count in sorted(listed[rule].items())) for rule in sorted(listed)
    ]
    return _HEAD + "".join(parts)


def shrink(root: Path = ROOT) -> list[str]:
    """Write the lower counts to the backlog, and return the remaining problems."""
    found, listed = counts(root), shrunk(counts(root), backlog(root))
    (root / "ops/tidy_backlog.toml").write_text(written(listed))
    return problems(found, listed, allowed(root))


def _problem(rule: str, place: str, now: int, known: int, reason: str | None) -> list[str]:
    if reason is not None:
        if known:
            return [f"{rule}: {place} is in both lists: remove it from ops/tidy_backlog.toml"]
        if not now:
            return [f"{rule}: {place} is allowed and no longer exists: remove it from ops/tidy_allowed.toml"]
        return [] if len(reason.split()) > 1 else [f"{rule}: {place} is allowed without a reason: write one in ops/tidy_allowed.toml"]
    if now > known:
        return [f"{rule}: {place}: {now}, allowed {known}: {RULES[rule][1]}"]
    if now < known:
        return [f"{rule}: {place}: {now}, listed {known}: run `./opta dev tidy`, which lowers the list"]
    return []
