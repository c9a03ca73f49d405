"""POST /v3/attachments: what is taken, what is refused, and who may read it afterwards."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.gateway import LocalGateway
from support.pictures import gif, jpeg, png, webp
from support.raw_http import Answer

from opta_core.attachments import BYTES_MAX


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def send(gateway: LocalGateway, content: bytes, name: str = "a.png", kind: str = "application/octet-stream") -> Answer:
    return gateway.post(f"/v3/attachments?name={name}", content, kind=kind)


@pytest.mark.parametrize(("content", "kind"), [(png(), "png"), (jpeg(), "jpeg"), (gif(), "gif"), (webp(), "webp")])
@pytest.mark.parametrize("declared", ["application/octet-stream", "image/bmp", "", "text/html; charset=x"])
def test_an_image_is_what_its_content_says(gateway: LocalGateway, content: bytes, kind: str, declared: str) -> None:
    answer = send(gateway, content, "photo.bmp", declared)
    assert answer.status == 201
    stored = answer.json()
    assert (stored["name"], stored["type"], stored["bytes"], stored["width"], stored["height"]) == (
        "photo.bmp",
        f"image/{kind}",
        len(content),
        3,
        2,
    )
    file = gateway.paths.attachments / stored["id"]
    assert file.read_bytes() == content
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)


def test_the_same_file_twice_is_one(gateway: LocalGateway) -> None:
    ids = {send(gateway, png(9, 9)).json()["id"] for _ in range(3)}
    assert len(ids) == 1
    assert not [name for name in os.listdir(gateway.paths.attachments) if name.startswith(".")]


def test_a_text_is_taken_and_a_form_with_a_file(gateway: LocalGateway) -> None:
    assert send(gateway, "Grüße".encode(), "notes.md").json()["type"].startswith("text/plain")
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x\r\n' + (
        b'Content-Disposition: form-data; name="file"; filename="shot.png"\r\nContent-Type: image/png\r\n\r\n' + png() + b"\r\n--x--\r\n"
    )
    answer = gateway.post("/v3/attachments", body, kind="multipart/form-data; boundary=x")
    assert (answer.status, answer.json()["name"], answer.json()["bytes"]) == (201, "shot.png", len(png()))


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, "empty"),
        (png()[:-4], 415, "cut off or damaged"),
        (png(9000, 1), 415, "each side"),
        (b"\0\0\0\x18ftypheic" + bytes(20), 415, "HEIC"),
        (b"%PDF-1.7\n", 415, "PDF"),
        (b"\x7fELF\0\0", 415, "binary"),
        (b"\xff\xfe\x00", 415, "neither an image nor UTF-8 text"),
    ],
)
def test_what_models_do_not_take_is_refused_with_the_reason(gateway: LocalGateway, content: bytes, status: int, words: str) -> None:
    answer = send(gateway, content)
    assert answer.status == status and words in answer.json()["error"]["message"]


def test_sixteen_mebibytes_are_taken_and_no_more(gateway: LocalGateway) -> None:
    assert send(gateway, b"a" * BYTES_MAX, "big.txt").status == 201
    assert send(gateway, b"a" * (BYTES_MAX + 1), "big.txt").refusal == (413, "too_large")
    assert send(gateway, b"a" * (BYTES_MAX + 5000), "big.txt").refusal == (413, "too_large")
    assert gateway.post("/v3/sessions", b"a" * (1024 * 1024 + 1)).refusal == (413, "too_large")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=" + "y" * 100, b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nnothing\r\n--x--"),
        ("multipart/form-data; boundary=x", b"--x" * 5000),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--'),
        ("application/x-www-form-urlencoded", b"a=b"),
    ],
)
def test_a_body_that_holds_no_file_is_refused(gateway: LocalGateway, kind: str, body: bytes) -> None:
    assert gateway.post("/v3/attachments", body, kind=kind).status in (400, 415)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../token", "token"),
        ("..%2F..%2Ftoken", "token"),
        ("C:%5Cpictures%5Ca.png", "a.png"),
        ("a%00b%0a.png", "a-b-.png"),
        ("%E5%9B%BE.png", "png"),
        ("", "file"),
        ("...", "file"),
        ("_" * 90, "_" * 48),
        ("-x" * 90, "x" + "-x" * 23),
    ],
)
def test_a_name_is_only_a_name(gateway: LocalGateway, given: str, name: str) -> None:
    answer = send(gateway, png(), given)
    assert (answer.status, answer.json()["name"]) == (201, name)
    assert (gateway.paths.attachments / answer.json()["id"]).is_file()


def test_a_turn_names_what_was_uploaded_and_only_its_session_serves_it(gateway: LocalGateway) -> None:
    stored = send(gateway, png(5, 5)).json()["id"]
    sid, other = gateway.session(), gateway.session()
    assert gateway.get(f"/v3/sessions/{sid}/artifacts/{stored}").status == 404
    assert gateway.post(f"/v3/sessions/{sid}/turns", {"text": "what is it?", "attachments": [stored]}).status == 202
    events = gateway.get(f"/v3/sessions/{sid}/events").json()["events"]
    assert events[-1]["attachments"] == [stored]
    found = gateway.get(f"/v3/sessions/{sid}/artifacts/{stored}")
    assert (found.status, found.body, found.header("content-type")) == (200, png(5, 5), "image/png")
    assert gateway.get(f"/v3/sessions/{other}/artifacts/{stored}").status == 404


def test_a_turn_with_a_file_that_is_not_there_is_refused(gateway: LocalGateway, tmp_path: Path) -> None:
    sid = gateway.session()
    gone = send(gateway, png(6, 6)).json()["id"]
    (gateway.paths.attachments / gone).unlink()
    linked = send(gateway, png(7, 7)).json()["id"]
    (gateway.paths.attachments / linked).unlink()
    (gateway.paths.attachments / linked).symlink_to(gateway.paths.daemon / "trust.json")
    for name in (gone, linked, "../../token", "a", "", "x" * 200, "a-00000000000000000000.png\n"):
        answer = gateway.post(f"/v3/sessions/{sid}/turns", {"text": "a", "attachments": [name]})
        assert answer.status == 422 and "attachments" in answer.json()["error"]["message"], name


def test_files_of_a_turn_have_a_limit_together(gateway: LocalGateway) -> None:
    ids = [send(gateway, bytes([65 + number]) * (11 * 1024 * 1024), f"{number}.txt").json()["id"] for number in range(2)]
    answer = gateway.post(f"/v3/sessions/{gateway.session()}/turns", {"text": "a", "attachments": ids})
    assert answer.status == 422 and "together" in answer.json()["error"]["message"]


def test_without_the_token_nothing_is_kept(gateway: LocalGateway) -> None:
    before = set(os.listdir(gateway.paths.attachments))
    assert gateway.ask("POST", "/v3/attachments", body=png(11, 11), token=None).status == 401
    assert set(os.listdir(gateway.paths.attachments)) == before
