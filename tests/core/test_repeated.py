"""The second run of failed tests: what passes alone is named, what fails again still fails, and many failures are not repeated."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import repeated

STEADY = "def test_steady(): pass\n"
UNSTEADY = (
    "from pathlib import Path\n\n\ndef test_unsteady():\n    mark = Path(__file__).with_suffix('.ran')\n    ran = mark.exists()\n"
    "    mark.touch()\n    assert ran\n"
)
WRONG = "def test_wrong(): assert False\n"


def _run(folder: Path, files: dict[str, str]) -> list[str]:
    """Run `files` once, and then what failed. Returns what passed alone."""
    for name, content in files.items():
        (folder / name).write_text(content)
    repeated.forget(folder)
    subprocess.run([sys.executable, "-m", "pytest", "-q", "--rootdir", folder], cwd=folder, check=False, stdout=subprocess.DEVNULL)
    return repeated.passed_alone(folder, os.environ)


def test_a_test_that_passes_alone_is_named(tmp_path: Path) -> None:
    assert _run(tmp_path, {"test_a.py": STEADY, "test_b.py": UNSTEADY}) == ["test_b.py::test_unsteady"]


def test_a_test_that_fails_again_fails_the_whole(tmp_path: Path) -> None:
    assert _run(tmp_path, {"test_a.py": UNSTEADY, "test_b.py": WRONG}) == []
    assert repeated.failed_tests(tmp_path) == ["test_b.py::test_wrong"]


def test_failures_of_an_earlier_run_are_forgotten(tmp_path: Path) -> None:
    _run(tmp_path, {"test_a.py": WRONG})
    assert repeated.failed_tests(tmp_path)
    repeated.forget(tmp_path)
    assert repeated.failed_tests(tmp_path) == []


def test_many_failures_are_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = {f"test_{number}.py": UNSTEADY for number in range(repeated.AT_MOST + 1)}
    assert _run(tmp_path, many) == []
    assert "repeating" not in capsys.readouterr().out


def test_the_second_run_can_be_turned_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTA_TEST_REPEAT", "0")
    assert _run(tmp_path, {"test_a.py": UNSTEADY}) == []
