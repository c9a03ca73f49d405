"""Strict reading of JSON bodies."""

import pytest

from opta_core.errors import Refused
from opta_http import json_body
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import CreateSession, SubmitTurn
from opta_protocol.http_control import SteerTurn


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"text":NaN}',
        b'{"text":1e999}',
        b'{"text":"a","text":"b"}',
        b"[" * 100_000,
        b'{"text":"\\ud800"}',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"a":' + b"9" * 5000 + b"}",
        b"{} {}",
    ],
)
def test_what_is_not_plain_json_is_bad_json(content: bytes) -> None:
    with pytest.raises(Refused) as refused:
        json_body.read(content, SubmitTurn)
    assert refused.value.code is ErrorCode.bad_json


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b'{"text":5}', "'text'"),
        (b'{"text":"a","extra":1}', "extra"),
        (b'{"text":"a","mode":"fly"}', "'mode'"),
        (b"[]", "array"),
        (b'{"__proto__":{}}', "__proto__"),
    ],
)
def test_what_does_not_fit_names_the_field(content: bytes, named: str) -> None:
    with pytest.raises(Refused, match=named) as refused:
        json_body.read(content, SubmitTurn)
    assert refused.value.code is ErrorCode.invalid


@pytest.mark.parametrize(("content", "named"), [(b"{}", "text"), (b'{"text":""}', "'text'")])
def test_what_is_missing_or_empty_is_named(content: bytes, named: str) -> None:
    with pytest.raises(Refused, match=named) as refused:
        json_body.read(content, SteerTurn)
    assert refused.value.code is ErrorCode.invalid


def test_depth_is_counted_outside_strings() -> None:
    assert json_body.read(b'{"text":"' + b"[" * 500 + b'"}', SubmitTurn).text == "[" * 500
    assert json_body.read(b"", CreateSession) == CreateSession()
