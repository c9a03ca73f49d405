"""How the suite is spread over workers: a file is a unit, because its tests share a daemon; the longest file goes first.

`tests/durations.toml` holds the seconds of each file as they were last recorded (`./opta test --record-durations`). A file that is
not listed counts as short. Wrong figures cost time and nothing else.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

RECORD = Path(__file__).parent.parent / "durations.toml"
_HEAD = "# Seconds of each test file that takes a second or more. Written by `./opta test --record-durations`.\n"


def recorded(file: Path = RECORD) -> dict[str, int]:
    """Test file -> seconds."""
    return tomllib.loads(file.read_text()) if file.exists() else {}


def record(seconds: Mapping[str, float], file: Path = RECORD) -> None:
    """Write the seconds of the files that ran; those of other files stay as they are."""
    known = {**recorded(file), **{name: round(value) for name, value in seconds.items()}}
    lines = [f'"{name}" = {value}\n' for name, value in sorted(known.items(), key=lambda item: (-item[1], item[0])) if value]
    file.write_text(_HEAD + "".join(lines))


def length(nodeid: str, seconds: Mapping[str, float]) -> float:
    """The seconds of the file of a test. Sorting by it keeps the tests of a file together and in order, because sorting is stable."""
    return seconds.get(file_of(nodeid), 0)


def file_of(nodeid: str) -> str:
    """`tests/system/test_up.py::test_a[b]` -> `tests/system/test_up.py`."""
    return nodeid.partition("::")[0]
