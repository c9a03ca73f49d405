"""The log of a service that launchd starts: bounded, whoever writes to it."""

import os
import subprocess
import sys
from pathlib import Path

from opta_core.process.log_rotation import rotate


def test_a_long_log_becomes_the_first_backup_and_its_writers_go_on_at_its_start(tmp_path: Path) -> None:
    log = tmp_path / "lmx.log"
    # As an engine process, which has inherited the descriptor; opened without O_APPEND, as some service managers do.
    with open(log, "wb", buffering=0) as handle:
        for number in range(4):
            subprocess.run([sys.executable, "-c", f"print('{number}' * 50)"], stdout=handle, check=True)
            assert rotate(log, handle.fileno(), bytes_max=50)
            assert not rotate(log, handle.fileno(), bytes_max=50)
        handle.write(b"the newest\n")
    assert log.read_text() == "the newest\n"
    assert [(tmp_path / f"lmx.log.{number}").read_text()[0] for number in (1, 2)] == ["3", "2"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lmx.log", "lmx.log.1", "lmx.log.2"]


def test_a_file_that_is_not_written_to_is_left_alone(tmp_path: Path) -> None:
    log, other = tmp_path / "lmx.log", tmp_path / "other"
    log.write_bytes(b"x" * 100)
    with open(other, "wb") as handle:
        assert not rotate(log, handle.fileno(), bytes_max=50)
        reading, writing = os.pipe()
        assert not rotate(log, writing, bytes_max=50)
        os.close(reading)
        os.close(writing)
        assert not rotate(tmp_path / "none", handle.fileno(), bytes_max=50)
    assert log.stat().st_size == 100
