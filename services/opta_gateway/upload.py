"""A file in the body of a request: the bytes alone, or a form (`multipart/form-data`) with one file."""

import re
from email.message import Message
from email.parser import BytesHeaderParser

import msgspec

from opta_core.errors import Refused
from opta_protocol.error_info import ErrorCode

HEADER_BYTES_MAX, NAME_CHARS_MAX = 8192, 200
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,70}\Z")


class Upload(msgspec.Struct, frozen=True):
    """`name` is what the client calls the file, '' when it does not say."""

    content: bytes
    name: str = ""


def read_upload(body: bytes, content_type: str) -> Upload:
    """The file in a body. Raises Refused."""
    declared = Message()
    declared["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    kind = declared.get_content_type()
    if kind == "multipart/form-data":
        return _from_form(body, str(declared.get_param("boundary", "")))
    if kind == "application/x-www-form-urlencoded":
        raise Refused("Send the file's bytes as the body, or a multipart form with one file.", code=ErrorCode.unsupported_media_type)
    return Upload(body)


def _from_form(body: bytes, boundary: str) -> Upload:
    if not _BOUNDARY.match(boundary):
        raise Refused("The form has no boundary.", code=ErrorCode.bad_request)
    mark = b"\r\n--" + boundary.encode()
    # At most this many parts are looked at: the file, and some fields.
    for part in (b"\r\n" + body).split(mark, 12)[1:]:
        head, found, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not found or len(head) > HEADER_BYTES_MAX:
            continue
        headers = BytesHeaderParser().parsebytes(head + b"\r\n\r\n")
        if (name := headers.get_filename()) is not None:
            return Upload(content, name[:NAME_CHARS_MAX])
    raise Refused("The form holds no file.", code=ErrorCode.bad_request)
