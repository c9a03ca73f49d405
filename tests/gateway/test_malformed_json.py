"""Row A11: a body that is no JSON, or no such object, is refused at once and changes nothing."""

import time
from collections.abc import Iterator
from functools import partial

import pytest
from support.calls import calls_of
from support.gateway import LocalGateway

# A refusal takes about 800 calls whatever the body holds, and 2,800 the first time; reading 9,000 values takes 46,000.
CALLS_MAX = 5_000
# A pattern that looks back takes minutes for half a million quotes, and makes no call for it. In linear time they take 0.01 s.
HANG_S = 10.0


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def sid(gateway: LocalGateway) -> str:
    return gateway.session()


MALFORMED = {
    "NaN": b'{"text":NaN}',
    "-Infinity": b'{"text":-Infinity}',
    "1e999": b'{"text":1e999}',
    "duplicate key": b'{"text":"a","text":"b"}',
    "duplicate key deeper": b'{"text":"a","attachments":[{"a":1,"a":2}]}',
    "deep array": b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep object": b'{"text":' * 100_000 + b"1" + b"}" * 100_000,
    "deep, never closed": b"[" * 100_000,
    "lone surrogate": b'{"text":"\\ud800"}',
    "lone surrogate as a key": b'{"\\udfff":1,"text":"a"}',
    "invalid UTF-8": b'{"text":"\xff"}',
    "surrogate in UTF-8": b'{"text":"\xed\xa0\x80"}',
    "UTF-16": '{"text":"a"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"text":"a"}',
    "huge integer": b'{"text":' + b"9" * 5000 + b"}",
    "many keys": b"{" + b",".join(b'"%x":1' % number for number in range(100_000)) + b"}",
    "many values": b'{"text":[' + b"{}," * 330_000 + b"1]}",
    "many quotes": b'{"text":"' + b'\\"' * 500_000,
    "NUL": b'{"text":"a\x00b"}',
    "two values": b'{"text":"a"}{"text":"b"}',
    "cut off": b'{"text":"a',
    "not JSON": b"text=a",
}
UNFIT = [
    b"[]",
    b"null",
    b'"text"',
    b"5",
    b'{"__proto__":{"admin":true},"text":"a"}',
    b'{"text":"a","colour":1}',
    b'{"constructor":1,"text":"a"}',
]


@pytest.mark.attack("A11")
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_json_is_bad_json_at_once(gateway: LocalGateway, sid: str, name: str) -> None:
    with gateway.untouched():
        for target, method in ((f"/v3/sessions/{sid}/turns", "POST"), ("/v3/sessions", "POST"), (f"/v3/sessions/{sid}", "PATCH")):
            before = time.thread_time()
            answer, calls = calls_of(partial(gateway.post, target, MALFORMED[name], method=method))
            assert answer.refusal == (400, "bad_json")
            assert calls < CALLS_MAX, "something was done for each value of the body"
            assert time.thread_time() - before < HANG_S


def test_a_body_that_is_read_to_its_end_takes_more_calls_than_a_refusal_may(gateway: LocalGateway, sid: str) -> None:
    body = b'{"text":[' + b"{}," * 9_000 + b"1]}"
    answer, calls = calls_of(lambda: gateway.post(f"/v3/sessions/{sid}/turns", body))
    assert answer.refusal == (422, "invalid")
    assert calls > CALLS_MAX


@pytest.mark.attack("A11")
@pytest.mark.parametrize("body", UNFIT, ids=lambda body: body[:20].decode())
def test_a_body_that_is_no_such_object_is_invalid(gateway: LocalGateway, sid: str, body: bytes) -> None:
    with gateway.untouched():
        for target, method in ((f"/v3/sessions/{sid}/turns", "POST"), ("/v3/sessions", "POST"), (f"/v3/sessions/{sid}", "PATCH")):
            assert gateway.post(target, body, method=method).refusal == (422, "invalid")
