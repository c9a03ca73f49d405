"""Typed JSON files: private, replaced whole, read again when another process changed them."""

import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from opta_core.errors import Broken, OptaError
from opta_core.records import RecordFile


class Point(msgspec.Struct, frozen=True):
    x: int


DECODER = msgspec.json.Decoder(list[Point])


def damaged(file: Path, error: Exception) -> OptaError:
    return Broken(f"{file.name} is damaged ({error}).")


def test_a_record_is_private_and_its_folder_too(tmp_path: Path) -> None:
    records = RecordFile(tmp_path / "new" / "points.json", DECODER, list)
    assert records.read() == []
    records.write([Point(1)])
    assert records.read() == [Point(1)]
    assert stat.S_IMODE(records.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(records.file.parent.stat().st_mode) == 0o700
    assert [file.name for file in records.file.parent.iterdir()] == ["points.json"]


def test_what_another_process_wrote_is_read_and_an_unchanged_file_is_not_decoded_again(tmp_path: Path) -> None:
    mine, other = (RecordFile(tmp_path / "points.json", DECODER, list) for _ in range(2))
    mine.write([Point(1)])
    first = mine.read()
    assert mine.read() is first
    other.write([Point(2)])
    assert mine.read() == [Point(2)]
    mine.file.unlink()
    assert mine.read() == []


@pytest.mark.parametrize("content", [b"[{", b'[{"x":"one"}]', b"[" * 100_000, b"\xff"])
def test_a_damaged_file_is_an_error_or_counts_as_missing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "points.json"
    file.write_bytes(content)
    assert RecordFile(file, DECODER, list).read() == []
    with pytest.raises(Broken, match=r"points\.json is damaged"):
        RecordFile(file, DECODER, list, damaged).read()
    assert file.read_bytes() == content


def test_a_folder_in_the_place_of_a_file_is_damage_too(tmp_path: Path) -> None:
    (tmp_path / "points.json").mkdir()
    with pytest.raises(Broken):
        RecordFile(tmp_path / "points.json", DECODER, list, damaged).read()


_ADDING = """
import sys
from pathlib import Path
import msgspec
from opta_core.records import RecordFile
records = RecordFile(Path(sys.argv[1]), msgspec.json.Decoder(list[str]), list[str])
for number in range(50):
    records.update(lambda names: [*names, f"{sys.argv[2]}-{number}"])
"""


def test_what_several_processes_add_at_the_same_moment_is_all_there(tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    adding = [subprocess.Popen([sys.executable, "-c", _ADDING, str(file), str(number)]) for number in range(3)]
    mine = RecordFile(file, msgspec.json.Decoder(list[str]), list[str])
    for number in range(50):
        mine.update(lambda names, number=number: [*names, f"mine-{number}"])
    assert [process.wait(60) for process in adding] == [0, 0, 0]
    assert sorted(mine.read()) == sorted(f"{who}-{number}" for who in (0, 1, 2, "mine") for number in range(50))


def test_a_change_that_is_refused_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    records = RecordFile(tmp_path / "points.json", DECODER, list)
    records.write([Point(1)])

    def refused(points: list[Point]) -> list[Point]:
        raise Broken("no")

    with pytest.raises(Broken):
        records.update(refused)
    assert records.update(lambda points: [*points, Point(2)]) == [Point(1), Point(2)]
