"""Values of query strings. Each function raises Refused, naming the parameter, when the text does not fit."""

from opta_core.errors import Refused
from opta_protocol.error_info import ErrorCode

NUMBER_DIGITS_MAX, SEQ_DIGITS_MAX = 9, 18


def number_of(text: str, name: str, most: int) -> int:
    """A whole number from 0; a larger one than `most` is `most`."""
    if not _is_number(text, NUMBER_DIGITS_MAX):
        raise Refused(f"{name} is {text[:40]!r}, but it is a whole number from 0.", code=ErrorCode.bad_request)
    return min(int(text), most)


def seq_of(text: str) -> int:
    """The seq of `afterSeq` and `atSeq`; 0 for ''."""
    if text and not _is_number(text, SEQ_DIGITS_MAX):
        raise Refused(f"afterSeq is {text[:40]!r}, but it is a whole number from 0.", code=ErrorCode.bad_request)
    return int(text or 0)


def folder_of(text: str) -> str:
    """The absolute path of `cwd`."""
    if not text.startswith("/") or "\0" in text:
        raise Refused("Name the folder: ?cwd=/absolute/path.")
    return text


def _is_number(text: str, digits_max: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits_max
