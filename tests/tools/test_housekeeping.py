"""What the worker keeps on disk is bounded, and what is in use is not removed."""

import os
from pathlib import Path

from opta_tools.housekeeping import Kept, bound


def test_what_was_used_longest_ago_goes_until_the_rest_fits(tmp_path: Path) -> None:
    for number in range(4):
        folder = tmp_path / f"s{number}"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep/file").write_bytes(b"x" * 100_000)
        (folder / "link").symlink_to("/")
        for path in (folder / "deep/file", folder / "deep", folder):
            os.utime(path, (number * 1000, number * 1000))
        os.utime(folder / "link", (number * 1000, number * 1000), follow_symlinks=False)
    os.utime(tmp_path / "s3")
    assert bound(Kept(tmp_path, 250_000)) == ["s0", "s1"]
    assert sorted(os.listdir(tmp_path)) == ["s2", "s3"]
    # One that is in use stays, however large.
    assert bound(Kept(tmp_path, 0)) == ["s2"]
    assert bound(Kept(tmp_path / "absent", 0)) == []
