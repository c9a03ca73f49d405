"""Every public chat template gets every picture of a conversation, in order and at its place, whatever form it takes messages in."""

from typing import Any

import pytest
from mlx_lm.tokenizer_utils import TokenizerWrapper
from support.template_shapes import SHAPES
from transformers import AutoTokenizer

from opta_lmx.engine.templates.chat_template import ChatTemplate, Wishes
from opta_lmx.engine.templates.picture_renderer import PictureRenderer
from opta_lmx.engine.templates.renderer import TemplateRefusal
from opta_lmx.models.model_catalog import PROBE

TOOL = {"type": "function", "function": {"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "look", "arguments": "{}"}}
PICTURES = ["<first>", "<second>", "<third>"]
# Templates of models that see, as their publishers write them.
SEEING = {
    "qwen2_vl": (
        "{% set image_count = namespace(value=0) %}{% for m in messages %}{% if loop.first and m.role != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
        "<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}<|im_end|>\n{% else %}{% for c in m.content %}{% if c.type == 'image' or 'image' in c or 'image_url' in c %}"
        "{% set image_count.value = image_count.value + 1 %}{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}<|vision_start|><|image_pad|><|vision_end|>{% elif 'text' in c %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
        "<|vision_start|><|image_pad|><|vision_end|>",
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nSee <first> and <second>!<|im_end|>\n<|im_start|>assistant\n",
    ),
    "smolvlm": (
        "<|im_start|>{% for m in messages %}{{ m['role'] | capitalize }}{% if m['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
        "{% for line in m['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
        "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
        "<image>",
        "<|im_start|>User: See <first> and <second>!<end_of_utterance>\nAssistant:",
    ),
    "llava": (
        "{% for m in messages %}{% if m['role'] != 'system' %}{{ m['role'].upper() + ': ' }}{% endif %}{% for c in m['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
        "{% for c in m['content'] | selectattr('type', 'equalto', 'text') %}{{ c['text'] + ' ' }}{% endfor %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}",
        "<image>",
        "USER: <first>\n<second>\nSee   and  ! ASSISTANT:",
    ),
    "text alone": (
        "{% for m in messages %}[{{ m.role }}]{{ m.content + '\n' }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
        "",
        "[user]See <first> and <second>!\n[assistant]",
    ),
}  # fmt: skip


def template_of(source: str) -> tuple[ChatTemplate, PictureRenderer, Any]:
    tokenizer = AutoTokenizer.from_pretrained(PROBE)
    tokenizer.chat_template = source
    wrapped = TokenizerWrapper(tokenizer)
    renderer = PictureRenderer(wrapped)
    return ChatTemplate(wrapped, renderer=renderer), renderer, tokenizer


def shown(number: int) -> dict[str, Any]:
    return {"type": "picture", "number": number}


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


@pytest.mark.parametrize("name", SEEING)
def test_the_template_writes_the_pictures_where_it_takes_parts(name: str) -> None:
    source, written, expected = SEEING[name]
    template, renderer, tokenizer = template_of(source)
    assert renderer.written == written
    messages = [{"role": "user", "content": [said("See "), shown(0), said(" and "), shown(1), said("!")]}]
    ids, order = template.pictured(messages, [], Wishes(), PICTURES[:2])
    assert (tokenizer.decode(ids), order) == (expected, [0, 1])


@pytest.mark.parametrize("name", [*SHAPES, *SEEING])
def test_no_template_loses_a_picture(name: str) -> None:
    template, _, tokenizer = template_of(SHAPES[name] if name in SHAPES else SEEING[name][0])
    system = {"role": "system", "content": "sys-words"}
    first = {"role": "user", "content": [said("one-words"), shown(0)]}
    answer = {"role": "assistant", "content": "two-words"}
    loop = [
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": CALL["id"], "content": [said("res-words"), shown(1)]},
    ]
    conversations: list[tuple[list[dict[str, Any]], list[int]]] = [
        ([first], [0]),
        ([system, {"role": "user", "content": [shown(0)]}], [0]),
        ([system, first, answer, {"role": "user", "content": [shown(2), said("three-words"), shown(1)]}], [0, 2, 1]),
        ([system, first, *loop], [0, 1]),
        ([first, *loop, answer, {"role": "user", "content": [shown(2), said("four-words")]}], [0, 1, 2]),
        ([{"role": "user", "content": [shown(0)]}, {"role": "user", "content": [shown(1)]}], [0, 1]),
    ]  # fmt: skip
    for messages, order in conversations:
        for tools in ([], [TOOL]):
            ids, found = template.pictured(messages, tools, Wishes(), PICTURES[: len(order)])
            prompt = tokenizer.decode(ids)
            assert found == order
            assert [prompt.count(picture) for picture in PICTURES[: len(order)]] == [1] * len(order)
            assert sorted(order, key=lambda number: prompt.index(PICTURES[number])) == order
            for message in messages:
                for part in message["content"] if isinstance(message["content"], list) else [said(message["content"])]:
                    assert part.get("text", "") in prompt


def test_a_picture_that_is_not_in_the_prompt_is_an_error() -> None:
    template, _, _ = template_of("{% for m in messages %}{{ m.content[:4] }}{% endfor %}{{ extra }}")
    with pytest.raises(TemplateRefusal, match="leaves out a picture"):
        template.pictured([{"role": "user", "content": [said("words"), shown(0)]}], [], Wishes(), PICTURES[:1])
    # A variable of the request puts no second one in.
    template, _, _ = template_of("{% for m in messages %}{{ m.content }}{% endfor %}{{ extra }}")
    wishes = Wishes(arguments={"extra": "\ufdd0"})
    with pytest.raises(TemplateRefusal, match="repeats one"):
        template.pictured([{"role": "user", "content": [said("words"), shown(0)]}], [], wishes, PICTURES[:1])
