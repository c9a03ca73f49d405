"""Frames between server and engine are whole, however the socket cuts them."""

from hypothesis import given
from hypothesis import strategies as st

from opta_lmx.ipc.framing import Unpacker, packed


@given(st.lists(st.binary(max_size=40), max_size=20), st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_frames_come_out_as_they_went_in(contents: list[bytes], cuts: list[int]) -> None:
    stream, unpacker = b"".join(map(packed, contents)), Unpacker()
    found: list[bytes] = []
    at, number = 0, 0
    while at < len(stream):
        size = cuts[number % len(cuts)]
        found += unpacker.unpack(stream[at : at + size])
        at, number = at + size, number + 1
    assert found == contents
    assert unpacker.unpack(b"") == []
    assert all(type(content) is bytes for content in found)
