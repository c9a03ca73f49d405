"""Changes one entry of a TOML file. Comments, order and spacing stay as the user wrote them."""

import tomllib
from typing import Any, cast

from .errors import Refused


def with_entry(text: str, path: list[str], value: Any) -> str:
    """Return `text` with the entry at `path` (table names, then the key) set to `value`, or removed when `value` is None.

    Raises Refused when the layout of the file does not allow this change alone.
    """
    # Imported late: only commands that change settings need it.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    wanted = _changed(tomllib.loads(text), path, value)
    try:
        document = tomlkit.parse(text)
        table: Any = document
        for parent in path[:-1]:
            if parent not in table:
                if value is None:
                    return text
                # No header of its own, unless it gets plain entries.
                table[parent] = tomlkit.table(is_super_table=parent != path[-2] or isinstance(value, dict))
            table = table[parent]
        if value is None:
            table.pop(path[-1], None)
        else:
            table[path[-1]] = value
        changed = tomlkit.dumps(document)  # pyright: ignore[reportUnknownMemberType]
        is_right = _without_empty(tomllib.loads(changed)) == _without_empty(wanted)
    except (TOMLKitError, tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
        raise _by_hand(path) from error
    if not is_right:
        raise _by_hand(path)
    return changed


def _changed(config: dict[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    *parents, last = path
    table = config
    for number, parent in enumerate(parents, 1):
        if value is None and parent not in table:
            return config
        below = table.setdefault(parent, {})
        if not isinstance(below, dict):
            raise Refused(f"{'.'.join(path[:number])} is not a table in config.toml, so {'.'.join(path)} cannot be set. Correct that line.")
        table = cast("dict[str, Any]", below)
    if value is None:
        table.pop(last, None)
    else:
        table[last] = value
    return config


def _without_empty(config: dict[str, Any]) -> dict[str, Any]:
    """The same without empty tables, because a table may disappear with its last entry."""
    found = {key: _without_empty(cast("dict[str, Any]", value)) if isinstance(value, dict) else value for key, value in config.items()}
    return {key: value for key, value in found.items() if value != {}}


def _by_hand(path: list[str]) -> Refused:
    return Refused(
        f"The layout of config.toml does not allow {'.'.join(path)} to be changed without changing other entries. Edit the file by hand."
    )
