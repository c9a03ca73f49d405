"""`python bench/exactness.py FOLDER`: whether LMX's greedy answers are those of mlx-lm, with a real model.

Fifty prompts, each answered by mlx-lm alone and by LMX's engine: alone, sixteen at once, from its prefix cache, with chunks of prefill
between the tokens of others, with prompt lookup, and after the prefix cache was emptied. It prints a line for each answer that differs, with the
distance of the two best tokens where it does: sums in another order can turn a tie.
"""

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / name) for name in ("lmx", "shared", "tests")]

from support.openblas import load_openblas  # noqa: E402

from opta_lmx.engine import deferred_packages  # noqa: E402

load_openblas(threads=os.cpu_count() or 1)
deferred_packages.defer()

from lmx_real import Texts  # noqa: E402
from support.served import Served  # noqa: E402

PROMPTS, TOKENS, AT_ONCE = 50, 40, 16
QUESTIONS = (
    "What is the capital of {}?", "Write a haiku about {}.", "Explain {} to a child.", "List three facts about {}.", "Is {} old? Say why.",
    "Translate the word {} into French.", "Write a Python function about {}.", "What rhymes with {}?", "Tell a joke about {}.", "Define {}.",
)  # fmt: skip
SUBJECTS = ("France", "the moon", "recursion", "bread", "the sea")


def main() -> int:
    """Compare and print."""
    folder = Path(sys.argv[1])
    orders = [[{"role": "user", "content": question.format(subject)}] for question in QUESTIONS for subject in SUBJECTS][:PROMPTS]
    started = time.monotonic()
    served = Served(folder)
    expected = _reference(folder, [served.prompt(order) for order in orders])
    print(f"mlx-lm alone: {len(expected)} answers, {time.monotonic() - started:.0f} s", flush=True)
    wrong = 0
    for name, found in _conditions(folder, served, orders):
        differing = [at for at, (text, text_expected) in enumerate(zip(found, expected, strict=True)) if text != text_expected]
        wrong += len(differing)
        print(f"{name}: {len(found) - len(differing)} of {len(found)} equal, {time.monotonic() - started:.0f} s", flush=True)
        for at in differing:
            print(f"  {orders[at][0]['content']!r}\n    mlx-lm {expected[at]!r}\n    LMX    {found[at]!r}", flush=True)
    return 1 if wrong else 0


def _reference(folder: Path, prompts: list[list[int]]) -> list[str]:
    from mlx_lm import load, stream_generate

    loaded: Any = load(str(folder))
    model, tokenizer = loaded[0], loaded[1]
    return ["".join(part.text for part in stream_generate(model, tokenizer, prompt, max_tokens=TOKENS)) for prompt in prompts]


def _conditions(folder: Path, served: Served, orders: list[list[dict[str, Any]]]) -> Iterable[tuple[str, list[str]]]:
    def ask(engine: Served, *messages: list[dict[str, Any]]) -> list[str]:
        return [text for text, _, _ in engine.ask(*({"messages": each, "max_tokens": TOKENS} for each in messages))]

    plain = Served(folder, lookup=False)
    yield "alone", [ask(plain, order)[0] for order in orders]
    yield "from the prefix cache", [ask(plain, order)[0] for order in orders]
    plain.engine.trim(0)
    yield "after the prefix cache was emptied", [ask(plain, order)[0] for order in orders]
    plain.engine.trim(0)
    yield f"{AT_ONCE} at once", [text for at in range(0, len(orders), AT_ONCE) for text in ask(plain, *orders[at : at + AT_ONCE])]
    plain.engine.trim(0)
    texts = Texts(7)
    found: list[str] = []
    for at in range(0, len(orders), 4):
        # A long prompt is computed in chunks while these are answered.
        long = [{"role": "user", "content": texts.prompt(300)}]
        found += ask(plain, *orders[at : at + 4], long)[:-1]
    yield "beside a long prompt in chunks", found
    yield "with prompt lookup", [ask(served, order)[0] for order in orders]


if __name__ == "__main__":
    sys.exit(main())
