"""Which Python `./opta` makes its environment with: the newest optimised one that runs, in any folder of the PATH."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What a build answers to the question of the wrapper: 1 optimised, 0 not; anything else is a shim that fails.
OPTIMISED, PLAIN, BROKEN = "echo 1", "echo 0", "echo 1; exit 1"


def functions() -> str:
    """The part of the wrapper that chooses."""
    text = (ROOT / "opta").read_text()
    return text[text.index("each_python() {") : text.index("claim() {")]


def chosen(folder: Path, found: dict[str, str]) -> str:
    """The path that is chosen when these pythons (`folder/name` -> what it does) are on the PATH; 'none' for none."""
    folders = dict.fromkeys(folder / name.partition("/")[0] for name in found)
    for name, does in found.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{does}\n")
        file.chmod(0o755)
    # The real PATH holds awk, and Pythons of this machine.
    script = functions().replace("for folder in $PATH", "for folder in $FOLDERS") + "\nfind_python || echo none\n"
    environment = {**os.environ, "FOLDERS": ":".join([*map(str, folders), "/nonexistent"])}
    done = subprocess.run(["/bin/sh", "-euc", script], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip().removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"a/python3.13": PLAIN, "b/python3.11": OPTIMISED}, "b/python3.11"),
        ({"a/python3.11": PLAIN, "b/python3.11": OPTIMISED}, "b/python3.11"),
        ({"a/python3.12": OPTIMISED, "a/python3.13": OPTIMISED}, "a/python3.13"),
        ({"a/python3.13": BROKEN, "a/python3.12": PLAIN, "b/python3.11": PLAIN}, "a/python3.12"),
        ({"a/python3": OPTIMISED, "a/python3.14": BROKEN}, "a/python3"),
        ({"with blank/python3.12": OPTIMISED}, "with blank/python3.12"),
        ({"a/python3.12": BROKEN}, "none"),
    ],
)
def test_the_newest_optimised_python_that_runs_is_chosen(tmp_path: Path, found: dict[str, str], expected: str) -> None:
    assert chosen(tmp_path, found) == expected


def test_the_question_is_answered_by_a_real_python() -> None:
    text = (ROOT / "opta").read_text()
    question = text[text.index("probe='") + 7 :].partition("'\n")[0]
    done = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("0", "1")
