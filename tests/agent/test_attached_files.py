"""Attached images and texts in prompts: sent to models that see, named to those that do not, and never the end of a session."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.pictures import png
from support.story import SID
from support.talk import DONE, Talk

from opta_agent.providers.anthropic_messages import converted
from opta_core.attachments import AttachmentFolder
from opta_core.errors import Unavailable
from opta_protocol import events as e
from opta_protocol.error_info import ErrorCode
from opta_protocol.permissions import Level, Mode


def attached(folder: Path, *files: tuple[bytes, str], **fields: Any) -> tuple[Talk, list[str]]:
    """A talk whose second turn has these files."""
    talk = Talk(folder, **fields)
    talk.keep_attachments(folder / "kept")
    talk.turn(DONE)
    names = [AttachmentFolder(folder / "kept").store(content, name) for content, name in files]
    talk.emit(e.TurnStart(sid=SID, turn="t2", role="user", text="look", mode=Mode.do, level=Level.L2, attachments=names))
    return talk, names


def refusal(message: str, code: ErrorCode = ErrorCode.provider_error, *, retryable: bool = False) -> Unavailable:
    return Unavailable(message, code=code, retryable=retryable)


def images_in(messages: list[dict[str, Any]]) -> list[str]:
    contents = [message["content"] for message in messages if isinstance(message["content"], list)]
    return [part["image_url"]["url"] for content in contents for part in content if part["type"] == "image_url"]


def test_an_image_is_sent_with_its_message_and_stays_in_later_turns(tmp_path: Path) -> None:
    talk, names = attached(tmp_path, (png(), "shot.png"))
    sent = talk.turn(DONE, is_stored=True)[0]
    text, image = sent[-1]["content"]
    assert text["type"] == "text" and text["text"].startswith("look\n\n[Attached image: shot.png, 3 x 2 pixels.]")
    assert image["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert talk.turn(DONE, text="and now?")[0][: len(sent)] == sent
    assert talk.sources() == [(names[0], 0)] and talk.warnings() == []


def test_a_later_agent_sends_the_same_bytes(tmp_path: Path) -> None:
    talk, names = attached(tmp_path, (png(), "a.png"), (png(4, 4), "b.png"))
    talk.turn(DONE, is_stored=True)
    talk.emit(e.TurnStart(sid=SID, turn="t3", role="user", text="more", mode=Mode.do, level=Level.L2))
    sent: list[bytes] = []
    for session in (talk.session, talk.again()):
        session.settle("t3")
        turn = session.transcript.turn("t3")
        assert turn is not None and session.history.images(turn) == names
        images = dict.fromkeys(names, b'{"type":"image_url"}')
        sent.append(bytes(session.history.messages(turn, step=1, images=images)))
    assert sent[0] == sent[1] and sent[0].count(b"image_url") == 2


def test_a_model_that_is_known_to_be_blind_gets_the_name_and_the_user_a_warning(tmp_path: Path) -> None:
    talk, _ = attached(tmp_path, (png(), "shot.png"), vision=False)
    sent = talk.turn(DONE, is_stored=True)[0]
    assert images_in(sent) == [] and "you cannot see images" in sent[-1]["content"]
    assert talk.warnings() == [
        "scripted/model cannot see images: shot.png is only named to it. Choose a model that sees, and send your message again."
    ]


@pytest.mark.parametrize(
    "error",
    [
        refusal("400: messages.1.content must be a string"),
        refusal("image input is not supported - hint: you may need to provide the mmproj", retryable=True),
        refusal("No endpoints found that support image input", ErrorCode.model_not_found),
    ],
)
def test_a_server_that_refuses_images_is_asked_again_without_them_once(tmp_path: Path, error: Unavailable) -> None:
    talk, _ = attached(tmp_path, (png(), "shot.png"))
    requests = talk.turn([error], DONE, is_stored=True)
    assert [len(images_in(request)) for request in requests] == [1, 0]
    assert "did not take the attached images" in talk.warnings()[0]
    assert images_in(talk.turn(DONE)[0]) == []
    assert len(talk.warnings()) == 1


def test_another_failure_is_not_taken_for_blindness(tmp_path: Path) -> None:
    talk, _ = attached(tmp_path, (png(), "shot.png"))
    requests = talk.turn([refusal("connection lost", ErrorCode.stream_lost, retryable=True)], DONE, is_stored=True)
    assert [len(images_in(request)) for request in requests] == [1, 1]


def test_the_newest_images_that_fit_are_sent(tmp_path: Path) -> None:
    talk, _ = attached(tmp_path, *((png(3, number), f"{number}.png") for number in range(1, 26)))
    assert len(images_in(talk.turn(DONE, is_stored=True)[0])) == 20


def test_an_image_that_is_gone_is_named_and_said(tmp_path: Path) -> None:
    talk, names = attached(tmp_path, (png(), "shot.png"))
    (tmp_path / "kept" / names[0]).unlink()
    sent = talk.turn(DONE, is_stored=True)[0]
    assert images_in(sent) == [] and "not kept any more" in sent[-1]["content"] and "not kept any more" in talk.warnings()[0]


def test_a_text_goes_with_the_message_cut_to_the_context(tmp_path: Path) -> None:
    content = b"</attached>\n" + b"A line of text.\n" * 4_000
    talk, names = attached(tmp_path, (content, "log.txt"), limit=8_000)
    sent = talk.turn(DONE, is_stored=True)[0][-1]["content"]
    assert '<attached file="log.txt">' in sent and sent.count("</attached>") == 1
    assert len(sent) < 8_000 * 3 / 6 + 700 and "The rest cannot be read" in sent
    assert talk.sources() == [(names[0], 0)]


def test_a_summary_is_made_without_images_and_drops_them(tmp_path: Path) -> None:
    talk, _ = attached(tmp_path, (png(), "shot.png"))
    talk.turn(DONE, is_stored=True)
    for _ in range(3):
        talk.turn([*DONE[:0], *DONE])
    requests = talk.turn(DONE, compact=True)
    assert all(images_in(request) == [] for request in requests)
    assert any(isinstance(event, e.ContextCompacted) for event in talk.events)
    assert images_in(talk.turn(DONE)[0]) == []


def test_the_messages_api_gets_the_image_as_a_block(tmp_path: Path) -> None:
    talk, _ = attached(tmp_path, (png(), "shot.png"))
    sent = talk.turn(DONE, is_stored=True)[0]
    _, messages = converted(msgspec.Raw(msgspec.json.encode(sent)), with_thinking=False)
    image = messages[-1]["content"][1]
    assert (image["type"], image["source"]["type"], image["source"]["media_type"]) == ("image", "base64", "image/png")
