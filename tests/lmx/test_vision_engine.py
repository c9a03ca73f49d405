"""The engine of models that see pictures says what mlx-vlm says, one request at a time."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.random_vision import FAMILIES, make_random_vision
from support.seen import Reference, base64_of, encoded, picture
from transformers import AutoTokenizer

from opta_lmx.engine.vision.vision_engine import VisionEngine
from opta_lmx.engine.vocabulary_bytes import VocabularyBytes
from opta_lmx.ipc.messages import Delta, EngineConfig, EngineMessage, Failed, Finished, Generate, PictureFile

RED, WIDE, TALL = picture(1), picture(2, 200, 60), picture(3, 48, 130)
SEEN = {"type": "text", "text": "What is this?"}


def shown(number: int) -> dict[str, Any]:
    return {"type": "picture", "number": number}


def asked(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]}


class Seeing:
    """An engine and its messages."""

    def __init__(self, folder: Path, **more: Any):
        self.said: list[EngineMessage] = []
        config = EngineConfig(name=folder.name, folder=str(folder), kind="vision", **{"prefix_bytes": 2**28, **more})
        self.engine = VisionEngine(config, self.said.extend)
        self._number = 0

    def start(self, messages: list[dict[str, Any]], *pictures: bytes, **more: Any) -> int:
        self._number += 1
        files = [PictureFile(where=f"messages[{at}].content", data=base64_of(content)) for at, content in enumerate(pictures)]
        self.engine.start(Generate(id=self._number, messages=messages, pictures=files, **{"max_tokens": 12, "logprobs": 0, **more}))
        return self._number

    def finish(self, number: int) -> tuple[list[bytes], Any]:
        """(bytes of each token, last message) of an order, stepping until it is over."""
        while not (ends := [message for message in self.said if isinstance(message, Finished | Failed) and message.id == number]):
            assert self.engine.is_busy
            self.engine.step()
        pieces = [message for message in self.said if isinstance(message, Delta) and message.id == number]
        return [bytes(token.bytes) for piece in pieces for token in piece.logprobs], ends[0]

    def ask(self, messages: list[dict[str, Any]], *pictures: bytes, **more: Any) -> tuple[list[bytes], Any]:
        return self.finish(self.start(messages, *pictures, **more))

    def text(self, number: int) -> str:
        return "".join(message.text for message in self.said if isinstance(message, Delta) and message.id == number)


def expected(reference: Reference, prompt: str, pictures: list[bytes], count: int = 12) -> list[bytes]:
    """The tokens of mlx-vlm, without the one that ends the answer."""
    known = VocabularyBytes(reference.processor.tokenizer)
    return [known.of(token) for token in reference.tokens(prompt, pictures, count) if token != 256]


Family = tuple[Path, str, Reference]


def made(name: str, factory: pytest.TempPathFactory) -> Family:
    """(folder, what its template writes for a picture, mlx-vlm with it)"""
    folder = factory.mktemp("models") / name
    make_random_vision(name, folder)
    return folder, FAMILIES[name][1], Reference(folder)


@pytest.fixture(scope="module", params=FAMILIES)
def each_family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    return made(request.param, tmp_path_factory)


# Positions of three dimensions; windows and a fixed number of tokens; tiles.
@pytest.fixture(scope="module", params=["qwen2_vl", "gemma3", "smolvlm"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    return made(request.param, tmp_path_factory)


def test_tokens_are_those_of_mlx_vlm_wherever_pictures_stand(each_family: Family) -> None:
    folder, place, reference = each_family
    seeing = Seeing(folder)
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    # (messages, pictures of the request, the prompt in mlx-vlm's form)
    conversations: list[tuple[list[dict[str, Any]], list[bytes], str]] = [
        ([asked("What is this? ", shown(0))], [RED], f"<|user|>What is this? {place}<|end|>"),
        ([asked(shown(0), "and", shown(1), "?")], [WIDE, TALL], f"<|user|>{place}and{place}?<|end|>"),
        # The order of the conversation counts, not that of the list.
        ([asked(shown(1), "and", shown(0), "?")], [TALL, WIDE], f"<|user|>{place}and{place}?<|end|>"),
        (
            [asked(shown(0)), {"role": "assistant", "content": "A word"}, asked("And ", shown(1))],
            [RED, RED],
            f"<|user|>{place}<|end|><|assistant|>A word<|end|><|user|>And {place}<|end|>",
        ),
        (
            [asked("Look"), {"role": "assistant", "content": "", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "1", "content": [shown(0)]}],
            [TALL],
            "",
        ),
        (
            [asked(*map(shown, range(5)))],
            [picture(seed, 40 + 20 * seed, 60) for seed in range(1, 6)],
            f"<|user|>{place * 5}<|end|>",
        ),
        ([asked("Only words")], [], "<|user|>Only words<|end|>"),
    ]  # fmt: skip
    answers: list[list[bytes]] = []
    for number, (messages, pictures, prompt) in enumerate(conversations):
        tokens, end = seeing.ask(messages, *pictures)
        assert isinstance(end, Finished) and end.completion_tokens >= len(tokens)
        if prompt:
            assert tokens == expected(reference, f"{prompt}<|assistant|>", conversations[1][1] if number == 2 else pictures)
        answers.append(tokens)
    assert answers[1] == answers[2]
    assert len({tuple(answer) for answer in answers}) == len(answers) - 1


def test_pictures_decide_the_answer(family: Family) -> None:
    seeing = Seeing(family[0])
    red, blue = encoded(Image.new("RGB", (90, 60), (255, 0, 0))), encoded(Image.new("RGB", (90, 60), (0, 0, 255)))
    likely = []
    for content in (red, blue, red):
        seeing.said.clear()
        seeing.ask([asked(shown(0), "?")], content, logprobs=5)
        likely.append(next(token.top for message in seeing.said if isinstance(message, Delta) for token in message.logprobs))
    assert likely[0] == likely[2] != likely[1]


def test_the_next_step_of_a_conversation_computes_only_what_is_new(each_family: Family) -> None:
    folder = each_family[0]
    seeing, first = Seeing(folder), [asked("What is this? ", shown(0), " It is small.")]
    _, end = seeing.ask(first, RED, max_tokens=3)
    later = [*first, {"role": "assistant", "content": seeing.text(1)}, asked("And what else?")]
    tokens, more = seeing.ask(later, RED)
    assert more.cached_tokens >= end.prompt_tokens - 8
    assert tokens == Seeing(folder).ask(later, RED)[0]
    # With another picture of the same size, and with a new one behind, everything is computed.
    for messages, pictures in ((later, [picture(9)]), ([*later, asked(shown(1))], [RED, WIDE])):
        tokens, end = seeing.ask(messages, *pictures)
        assert end.cached_tokens == 0
        assert tokens == Seeing(folder).ask(messages, *pictures)[0]


def test_a_conversation_that_does_not_fit_is_not_kept(family: Family) -> None:
    seeing, first = Seeing(family[0], prefix_bytes=1000), [asked(shown(0), "?")]
    seeing.ask(first, RED)
    _, end = seeing.ask([*first, {"role": "assistant", "content": "A"}, asked("B")], RED)
    assert (end.cached_tokens, seeing.engine.loaded().prefix_bytes) == (0, 0)


def test_marks_of_pictures_in_texts_are_ordinary_characters(family: Family) -> None:
    folder, place, _ = family
    seeing = Seeing(folder)
    _, plain = seeing.ask([asked(shown(0), "abc")], RED)
    words = f"{place} <image> <|image_pad|> <start_of_image> <image_soft_token> \ufdd0 \ufdd1 \U000f0000"
    _, end = seeing.ask([asked(shown(0), words), {"role": "assistant", "content": words, "reasoning_content": words}, asked(words)], RED)
    assert isinstance(end, Finished)
    assert end.prompt_tokens > plain.prompt_tokens + 100
    # Without a picture, too.
    assert isinstance(seeing.ask([asked(words)])[1], Finished)


def test_requests_wait_for_each_other_in_order(family: Family) -> None:
    seeing = Seeing(family[0])
    alone = [seeing.ask([asked(shown(0), f"{number}?")], content)[0] for number, content in enumerate((RED, WIDE, TALL))]
    numbers = [seeing.start([asked(shown(0), f"{number}?")], content) for number, content in enumerate((RED, WIDE, TALL))]
    assert seeing.engine.loaded().running == 3
    seeing.said.clear()
    assert [seeing.finish(number)[0] for number in numbers] == alone
    order = [message.id for message in seeing.said if isinstance(message, Delta | Finished)]
    assert order == sorted(order)


def test_cancelled_requests_end_running_and_waiting(family: Family) -> None:
    seeing = Seeing(family[0])
    running, waiting, last = (seeing.start([asked(shown(0), "?")], RED, max_tokens=200) for _ in range(3))
    while not any(message.id == running for message in seeing.said if isinstance(message, Delta)):
        seeing.engine.step()
    seeing.engine.cancel(waiting)
    seeing.engine.cancel(running)
    seeing.said.clear()
    assert seeing.finish(last)[1].id == last
    assert {message.id for message in seeing.said if isinstance(message, Delta | Finished | Failed)} == {last}
    assert not seeing.engine.is_busy


def test_json_of_a_schema_lands_with_a_picture(family: Family) -> None:
    seeing = Seeing(family[0])
    schema = {"type": "object", "properties": {"colour": {"type": "string"}, "count": {"type": "integer"}}, "required": ["colour", "count"]}
    for tokens_max in (24, 40, 120):
        number = seeing.start([asked(shown(0), "Describe it")], RED, schema=schema, max_tokens=tokens_max, temperature=1.0, seed=tokens_max)
        _, end = seeing.finish(number)
        assert isinstance(end, Finished)
        assert {"colour", "count"} <= json.loads(seeing.text(number)).keys()
    tool = {"type": "function", "function": {"name": "paint", "description": "", "parameters": schema}}
    number = seeing.start([asked(shown(0), "Paint it")], RED, tools=[tool], forced="paint", max_tokens=80)
    seeing.finish(number)
    calls = [message for message in seeing.said if isinstance(message, Delta) and message.id == number]
    assert calls[0].name == "paint"
    assert "colour" in json.loads("".join(call.arguments for call in calls))


def test_seeds_and_penalties_and_stops_do_what_they_do_without_pictures(family: Family) -> None:
    seeing, messages = Seeing(family[0]), [asked(shown(0), "Say")]
    once, again, other = (seeing.ask(messages, RED, temperature=1.0, seed=seed)[0] for seed in (7, 7, 8))
    assert once == again != other
    biased = seeing.ask(messages, RED, logit_bias={"65": 1000.0}, max_tokens=4)[0]
    assert len(biased) == 4 and len(set(biased)) == 1
    _, end = seeing.ask(messages, RED, logit_bias={"65": 1000.0}, stop=[biased[0].decode() * 2])
    assert (end.finish, end.completion_tokens) == ("stop", 2)
    assert "999999" in seeing.ask(messages, RED, logit_bias={"999999": 1.0})[1].message


BROKEN = [
    (b"no picture at all", "no PNG, JPEG, WebP or GIF"),
    (b"", "no PNG, JPEG, WebP or GIF"),
    (RED[: len(RED) // 2], "cannot be read"),
    (encoded(Image.new("RGB", (8, 8)), "BMP"), "no PNG, JPEG, WebP or GIF"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG, JPEG, WebP or GIF"),
    # A few hundred bytes that would be gigabytes.
    (encoded(Image.new("1", (60_000, 60_000))), "at most 64 million"),
]  # fmt: skip


def test_a_picture_that_cannot_be_used_is_named(family: Family) -> None:
    seeing = Seeing(family[0])
    for content, reason in BROKEN:
        _, end = seeing.ask([asked(shown(0), "and", shown(1))], RED, content)
        assert isinstance(end, Failed)
        assert end.code == "invalid"
        assert end.message.startswith("Field 'messages[1].content': picture 2 of the request")
        assert reason in end.message
    assert isinstance(seeing.ask([asked(shown(0))], RED)[1], Finished)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_every_format_and_mode_is_read(kind: str, family: Family) -> None:
    seeing = Seeing(family[0])
    image = Image.open(io.BytesIO(RED)).convert("RGB")
    modes = {"PNG": ["RGB", "RGBA", "P", "L", "1", "I;16", "LA"], "JPEG": ["RGB", "L", "CMYK"], "WEBP": ["RGB", "RGBA"], "GIF": ["P", "L"]}[
        kind
    ]
    for mode in modes:
        content = encoded((image.convert("I").convert("I;16") if mode == "I;16" else image.convert(mode)), kind)
        assert isinstance(seeing.ask([asked(shown(0))], content, max_tokens=2)[1], Finished), mode
    several = encoded(image, kind, save_all=True, append_images=[image.rotate(90)]) if kind in ("GIF", "WEBP") else RED
    assert isinstance(seeing.ask([asked(shown(0))], several, max_tokens=2)[1], Finished)


def test_no_code_of_a_folder_is_run(tmp_path: Path) -> None:
    folder, mark = tmp_path / "qwen2_vl", tmp_path / "mark"
    make_random_vision("qwen2_vl", folder)
    (folder / "own.py").write_text(f"open({str(mark)!r}, 'w')\nclass Own:\n    pass\n")
    names = {"AutoTokenizer": ["own.Own", "own.Own"], "AutoProcessor": "own.Own", "AutoImageProcessor": "own.Own", "AutoConfig": "own.Own"}
    for name in ("config.json", "tokenizer_config.json", "preprocessor_config.json"):
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**content, "auto_map": names}))
    assert isinstance(Seeing(folder).ask([asked(shown(0))], RED)[1], Finished)
    # Several processors of mlx-vlm ask for it.
    with pytest.raises(ValueError, match="never runs"):
        AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    assert not mark.exists()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_file": "own.py"}))
    with pytest.raises(ValueError, match="model_file"):
        Seeing(folder)
    assert not mark.exists()


def test_nothing_in_the_folder_is_changed_and_odd_weights_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "qwen2_vl"
    make_random_vision("qwen2_vl", folder)
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    # mlx-vlm rewrites the header of a file with weights of this type while it loads it.
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    first = next(name for name in header if name != "__metadata__")
    header[first]["dtype"] = "F8_E8M0"
    written = json.dumps(header).encode()
    weights.write_bytes(len(written).to_bytes(8, "little") + written + content[8 + size :])
    before = weights.stat().st_mtime_ns
    with pytest.raises(ValueError, match="F8_E8M0"):
        Seeing(folder)
    assert weights.stat().st_mtime_ns == before


def test_tiny_and_narrow_pictures_are_answered_or_named(family: Family) -> None:
    seeing = Seeing(family[0])
    for width, height in ((1, 1), (1, 40), (3000, 2), (2, 3000), (4000, 3000)):
        _, end = seeing.ask([asked(shown(0))], encoded(Image.new("RGB", (width, height), (9, 9, 9)), "JPEG"), max_tokens=2)
        assert isinstance(end, Finished) or (end.code == "invalid" and f"{width} x {height}" in end.message), end
    assert isinstance(seeing.ask([asked(shown(0))], RED)[1], Finished)
