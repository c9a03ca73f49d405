"""The journals of a home, for what looks at all sessions at once. They are only read."""

from pathlib import Path

from opta_protocol.ids import SESSION_ID

from .paths import Paths


def journals(paths: Paths, *, with_away: bool = False, since: float = 0.0) -> list[Path]:
    """The journals written after the time `since` (seconds), last written first. `with_away`: also those of the archive and the trash."""
    folders = [paths.sessions, *((paths.archive, paths.trash) if with_away else ())]
    found = [(at, file) for folder in folders if folder.is_dir() for file in folder.glob("*.jsonl") if (at := _changed_at(file)) >= since]
    return [file for at, file in sorted(found, key=lambda each: each[0], reverse=True) if at and SESSION_ID.match(file.stem)]


def _changed_at(file: Path) -> float:
    """When a journal was written last; 0 when it has just been moved away."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
