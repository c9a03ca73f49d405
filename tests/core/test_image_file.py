"""Images by their content: recognised, measured, and refused when they are broken."""

from collections.abc import Callable

import pytest
from support.pictures import gif, jpeg, png, webp

from opta_core.image_file import Image, NotAnImage, other_kind, read

KINDS = {"png": png, "jpg": jpeg, "gif": gif, "webp": webp}


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_known_by_its_content(kind: str) -> None:
    assert read(KINDS[kind](640, 480)) == Image(kind, 640, 480)


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_that_is_cut_anywhere_is_refused_or_none(kind: str) -> None:
    whole = KINDS[kind]()
    for size in range(len(whole)):
        try:
            assert read(whole[:size]) is None and size < 12, size
        except NotAnImage:
            pass


@pytest.mark.parametrize("make", KINDS.values())
@pytest.mark.parametrize(("width", "height"), [(8001, 1), (1, 8001)])
def test_a_side_has_a_limit(make: Callable[[int, int], bytes], width: int, height: int) -> None:
    with pytest.raises(NotAnImage, match="each side"):
        read(make(width, height))


def test_sides_of_nothing_are_refused() -> None:
    for content in (png(0, 1), gif(0, 0)):
        with pytest.raises(NotAnImage):
            read(content)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 40,
        b"\xff\xd8\xff" + b"\xff" * 5_000,
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\0\0" + b"\xff\xd9",
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        b"RIFF\4\0\0\0WEBP",
        b"GIF89a\x3b",
    ],
)
def test_damage_is_refused(content: bytes) -> None:
    with pytest.raises(NotAnImage):
        read(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x18ftypavif", "AVIF"),
        (b"\0\0\0\x18ftypisom", "video"),
        (b"BM\0\0", "BMP"),
        (b"%PDF-1.7", "PDF"),
        (b"II*\0", "TIFF"),
        (b"text", ""),
    ],
)
def test_what_models_do_not_read_has_a_name(content: bytes, words: str) -> None:
    assert read(content) is None
    assert words in other_kind(content) if words else not other_kind(content)
