"""Says which files of a command will be lost: those that it wrote to the temporary file systems of its sandbox."""

from .aside import quoted

# How many files or folders one note names.
NAMED_MAX = 6


def lost_note(paths: list[str], count: int, home: str) -> str:
    """A note about files on temporary file systems, for the model; '' without files. `count`: how many there are, `paths` may be fewer."""
    if not paths:
        return ""
    named = _joined(paths, home)
    shown = ", ".join(quoted(name) for name in named[:NAMED_MAX])
    more = f" and {len(named) - NAMED_MAX} more places" if len(named) > NAMED_MAX else ""
    more += f" ({count} files in total)" if count > len(paths) else ""
    return (
        f"not kept: {shown}{more}. These places are temporary and private to this session's commands: what is written there does not reach "
        "the machine and is lost when the sandbox ends. Write to the workspace what is to stay, and to /tmp what only this session needs"
    )


def _joined(paths: list[str], home: str) -> list[str]:
    """Paths with `~` for the home. Several files of one folder at the top of a place are named by that folder."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        place = next((place for place in (home, "/dev/shm") if path.startswith(f"{place}/")), "/run")
        groups.setdefault(f"{place}/{path[len(place) + 1 :].split('/', 1)[0]}", []).append(path)
    named: list[str] = []
    for top, files in groups.items():
        name = files[0] if len(files) == 1 else f"{top}/ ({len(files)} files)"
        named.append(f"~{name[len(home) :]}" if name.startswith(f"{home}/") else name)
    return named
