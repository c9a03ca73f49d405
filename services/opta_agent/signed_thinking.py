"""The reasoning of a step as the blocks that its server signed and wants back within the running turn."""

from typing import Any

from opta_core.transcript import Step


def signed_thinking(step: Step) -> list[dict[str, Any]]:
    """The blocks in their order: the journal holds their text once, as the step's reasoning, and how long each block is."""
    blocks: list[dict[str, Any]] = []
    at = 0
    for block in step.thinkingBlocks:
        if block.data:
            blocks.append({"type": "redacted_thinking", "data": block.data})
        else:
            text = step.thinking[at : at + block.chars]
            blocks.append({"type": "thinking", "thinking": text, "signature": block.signature})
            at += block.chars
    return blocks
