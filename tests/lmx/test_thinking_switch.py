"""Thinking is switched by the chat template, in the real engine, and prompts that are kept follow the switch."""

from pathlib import Path
from typing import Any

import pytest
from support.random_model import TEMPLATE, make_random_qwen3
from support.served import Served

# As Qwen3 has it: an empty thought stands before an answer without thinking.
SWITCHED = TEMPLATE.replace(
    "<|assistant|>", "<|assistant|>{% if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}"
)
GRADED = "{% if reasoning_effort is defined %}<|user|>effort {{ reasoning_effort }}<|end|>{% endif %}" + TEMPLATE


def prompt_tokens(folder: Path, template: str, *orders: dict[str, Any]) -> list[int]:
    make_random_qwen3(folder)
    (folder / "chat_template.jinja").write_text(template)
    served = Served(folder)
    return [end.prompt_tokens for order in orders for _, _, end in served.ask({"max_tokens": 1, **order})]


def test_a_template_reads_the_switch(tmp_path: Path) -> None:
    on, off, again = prompt_tokens(tmp_path / "tiny", SWITCHED, {"thinking": True}, {"thinking": False}, {"thinking": True})
    assert on == again < off


def test_a_template_reads_the_effort(tmp_path: Path) -> None:
    unsaid, low, high = prompt_tokens(tmp_path / "tiny", GRADED, {}, {"effort": "low"}, {"effort": "high"})
    assert unsaid < low and unsaid < high


@pytest.mark.parametrize("order", [{"thinking": True}, {"thinking": False, "effort": "high"}])
def test_a_template_without_a_switch_does_not_mind(tmp_path: Path, order: dict[str, Any]) -> None:
    unsaid, said = prompt_tokens(tmp_path / "tiny", TEMPLATE, {}, order)
    assert unsaid == said
