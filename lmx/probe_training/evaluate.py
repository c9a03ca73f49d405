"""Evaluates the probe model with unseen prompts: `python -m probe_training.evaluate --model FOLDER [--count 500] [--card FILE]`.

Each class draws `count` held-out prompts. Greedy decoding through mlx-lm's batch generator, once with
LMX's decoding constraints and once without; an answer counts only when it is exactly right.
"""

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm.generate import BatchGenerator
from mlx_lm.utils import load

from opta_lmx.engine.copy_constraint import CopyConstraint

from .generator import Generator, Sample
from .vocabulary import END, END_ID, SIZE, SPECIALS, TOOL, TOOLS, USER, encode

# class -> (what is held out, kinds of samples that it uses)
CLASSES: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "sums (held-out pairs)": ("pairs", ("sum",)),
    "calls (held-out paths)": ("paths", ("read", "list", "find", "grep")),
    "calls (held-out phrasings)": ("phrasings", ("read", "list", "find", "grep")),
    "result sentences (held-out lines)": ("paths", ("result",)),
    "greetings (held-out phrasings)": ("phrasings", ("greeting",)),
    "refusals (held-out phrasings)": ("phrasings", ("refusal",)),
    "no tools offered (held-out phrasings)": ("phrasings", ("no_tools",)),
}
TARGETS = {
    "sums (held-out pairs)": 0.99,
    "calls (held-out paths)": 0.99,
    "calls (held-out phrasings)": 0.95,
    "result sentences (held-out lines)": 0.95,
}
TOKENS_MAX, AT_ONCE = 200, 32
PIECES = [bytes([byte]) for byte in range(256)] + [text.encode() for text in SPECIALS]


def draw(name: str, count: int, seed: int) -> list[Sample]:
    """`count` different prompts of a class."""
    held_out, kinds = CLASSES[name]
    generator, random_ = Generator(held_out), random.Random(f"{seed}/{name}")
    found: dict[str, Sample] = {}
    for _ in range(count * 20):
        if len(found) == count:
            break
        sample = generator.draw(random_.choice(kinds), random_)
        found.setdefault(sample.prompt, sample)
    return list(found.values())


def constraint_of(prompt: str) -> CopyConstraint:
    """The constraint that LMX would build for the conversation that renders to `prompt`."""
    message = prompt.split(USER, 1)[1].split(END, 1)[0]
    result = prompt.rsplit(TOOL, 1)[1].split(END, 1)[0] if TOOL in prompt else None
    return CopyConstraint(PIECES, message, result, tools=prompt.startswith(TOOLS))


def answers(model: Any, samples: list[Sample], *, constrained: bool) -> list[str]:
    """Greedy answers, in order."""
    batch = BatchGenerator(model, stop_tokens=[[END_ID]], completion_batch_size=AT_ONCE, prefill_batch_size=8)
    prompts = [encode(sample.prompt) for sample in samples]
    processors = [[_processor(sample.prompt, len(prompt))] if constrained else [] for sample, prompt in zip(samples, prompts, strict=True)]
    uids = batch.insert(prompts, max_tokens=[TOKENS_MAX] * len(prompts), logits_processors=processors)
    said: dict[int, list[int]] = {uid: [] for uid in uids}
    left = set(uids)
    while left:
        for response in batch.next()[1]:
            if response.finish_reason != "stop":
                said[response.uid].append(response.token)
            if response.finish_reason is not None:
                left.discard(response.uid)
    return [b"".join(PIECES[id_] for id_ in said[uid]).decode(errors="replace") for uid in uids]


def _processor(prompt: str, length: int) -> Callable[[mx.array, mx.array], mx.array]:
    constraint = constraint_of(prompt)

    def process(context: mx.array, logits: mx.array) -> mx.array:
        allowed = constraint.allowed(context[length:].tolist())
        return logits if allowed is None else logits + mx.array([0.0 if id_ in allowed else -1e9 for id_ in range(SIZE)])

    return process


def main() -> None:
    """Print a table; `--card` writes the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1001)
    parser.add_argument("--card", type=Path)
    parser.add_argument("--show", type=int, default=3, help="wrong answers to print a class")
    args = parser.parse_args()
    model = load(str(args.model))[0]
    figures: dict[str, dict[str, float]] = {}
    for name in CLASSES:
        samples = draw(name, args.count, args.seed)
        row: dict[str, float] = {"prompts": len(samples)}
        for label, constrained in (("constrained", True), ("free", False)):
            said = answers(model, samples, constrained=constrained)
            wrong = [(sample, text) for sample, text in zip(samples, said, strict=True) if text != sample.answer]
            row[label] = 1 - len(wrong) / len(samples)
            if constrained:
                for sample, text in wrong[: args.show]:
                    print(f"   {sample.prompt[-100:]!r}\n      said {text!r}\n      not  {sample.answer!r}")
        figures[name] = row
        print(f"{name:40} {row['prompts']:4.0f} prompts  constrained {row['constrained']:.1%}  free {row['free']:.1%}", flush=True)
    if args.card:
        args.card.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
