"""What may be deleted when the disk is full: only what Opta makes again, and never through a link."""

from pathlib import Path

import pytest

from opta_core.errors import Refused
from opta_core.paths import Paths
from opta_core.triage.disposable import delete_disposable, disposable_bytes

NAME = "0123456789abcdef01234567-0"


def made(paths: Paths) -> dict[str, Path]:
    """A home with what is made again, and what is not."""
    files = {
        "prefix": paths.lmx / "prefixes" / "key" / f"{NAME}.safetensors",
        "tokens": paths.lmx / "prefixes" / "key" / f"{NAME}.tokens",
        "unfinished prefix": paths.lmx / "prefixes" / "key" / f"{NAME}.part.safetensors",
        "old log": paths.daemon / "logs" / "agent.log.1",
        "log": paths.daemon / "logs" / "agent.log",
        "weights": paths.models / "qwen" / "model.safetensors",
        "weights among prefixes": paths.lmx / "prefixes" / "key" / "model.safetensors",
        "key": paths.lmx / "admin.key",
        "session": paths.sessions / "abc.jsonl",
    }
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 10_000)
    return files


def test_stored_prefixes_and_old_logs_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    files = made(paths)
    assert disposable_bytes(paths) >= 40_000
    assert delete_disposable(paths).startswith("0 MB") and disposable_bytes(paths) == 0
    assert {name for name, file in files.items() if file.exists()} == {"log", "weights", "weights among prefixes", "key", "session"}


def test_nothing_is_reached_through_a_link(tmp_path: Path) -> None:
    paths, outside = Paths(tmp_path / "home"), tmp_path / "outside"
    (outside / "key").mkdir(parents=True)
    kept = outside / "key" / f"{NAME}.safetensors"
    kept.write_bytes(b"x" * 10_000)
    (paths.lmx / "prefixes").mkdir(parents=True)
    (paths.lmx / "prefixes" / "key").symlink_to(outside / "key")
    (paths.daemon / "logs").mkdir(parents=True)
    (paths.daemon / "logs" / "agent.log.1").symlink_to(kept)
    with pytest.raises(Refused, match="nothing that Opta could make again"):
        delete_disposable(paths)
    (paths.lmx / "prefixes" / "key").unlink()
    (paths.lmx / "prefixes").rmdir()
    (paths.lmx / "prefixes").symlink_to(outside)
    with pytest.raises(Refused):
        delete_disposable(paths)
    assert kept.exists()
