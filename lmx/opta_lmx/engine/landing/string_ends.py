"""How a JSON string that was begun ends: its escapes, its UTF-8 sequences, its quote."""


def characters(raw: bytes) -> int:
    """At most as many as a string that began with `raw` has so far: an escape counts as none."""
    return max(0, len(raw.decode(errors="ignore")) - 1 - 6 * raw.count(b"\\"))


def end_of_string(raw: bytes, is_escaped: bool, padding: int = 0) -> bytes:
    """What ends a string that began with `raw`."""
    rest = b""
    if is_escaped:
        rest = b"n"
    elif (at := raw.rfind(b"\\u")) >= 0 and len(raw) - at < 6:
        rest = b"0041"[len(raw) - at - 2 :]
    else:
        rest = _end_of_character(raw)
    return rest + b"a" * padding + b'"'


def _end_of_character(raw: bytes) -> bytes:
    """The bytes that complete a UTF-8 sequence at the end of `raw`."""
    for size in range(1, min(4, len(raw)) + 1):
        first = raw[-size]
        if first >= 0xC0:
            wanted = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
            # The first byte after these two has a narrower range.
            second = b"\xa0" if first == 0xE0 else b"\x90" if first == 0xF0 else b"\x80"
            return (second + b"\x80\x80")[size - 1 : wanted - 1]
        if first < 0x80:
            break
    return b""
