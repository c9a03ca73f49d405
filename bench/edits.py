"""`python bench/edits.py [--model FOLDER]`: tokens per forward pass when files are written again with small changes.

Each answer is given by a schema, the changed file as a JSON string, as in the arguments of a tool call: so every model can be
measured, the same answer comes with and without prompt lookup, and the figure is a count. Default: a model of random weights with the
probe's tokenizer. With a real model, free answers (`Repeat this file with one change`) are measured, too.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import machine  # noqa: E402
from figure import Figure, table  # noqa: E402
from support.random_model import make_random_qwen3  # noqa: E402
from support.served import Served  # noqa: E402

FILE_CHARS, FREE_TOKENS = 1200, 160
CHANGES: dict[str, Callable[[str], str]] = {
    "a name changed everywhere": lambda text: re.sub(r"\bFigure\b|\bpaths\b|\blog\b", "renamed", text),
    "two lines added": lambda text: text.replace("\n\n", "\n\n# A comment that was not there before.\nadded = 1\n", 1),
    "lines removed": lambda text: "\n".join(line for at, line in enumerate(text.split("\n")) if at % 9),
    "every twelfth line changed": lambda text: "\n".join(
        line if at % 12 else f"{line}  # changed in place {at}" for at, line in enumerate(text.split("\n"))
    ),
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="folder of a model; without it, random weights")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(chosen.model or Path(made, "tiny"))
        if not chosen.model:
            make_random_qwen3(folder, context=16_384, tie_word_embeddings=False)
        print(f"{machine.describe()}\n\n{table([*figures(folder), *(free_figures(folder) if chosen.model else [])])}")
    return 0


def figures(folder: Path) -> list[Figure]:
    """Changed files, alone and four at a time; and an answer that repeats nothing."""
    files = [(ROOT / name).read_text()[:FILE_CHARS] for name in ("bench/figure.py", "shared/opta_core/paths.py")]
    found: list[Figure] = []
    for name, change in CHANGES.items():
        orders = [_order(text, change(text)) for text in files]
        found.append(_measured(folder, f"edit: {name}", [[order] for order in orders], bar=2.5))
    orders = [_order(files[0], change(files[0])) for change in CHANGES.values()]
    found.append(_measured(folder, "edit: four changed files at a time", [orders], bar=2.5))
    return [*found, _measured(folder, "an answer that repeats nothing of its prompt", [[_order(files[0], files[1])]], bar=1.0)]


def free_figures(folder: Path) -> list[Figure]:
    """What the model itself says when it is asked to repeat a file."""
    text = (ROOT / "bench/figure.py").read_text()[:600]
    content = f"Repeat this file exactly, but rename `Figure` to `Measure`:\n```python\n{text}\n```"
    order: dict[str, Any] = {"messages": [{"role": "user", "content": content}], "max_tokens": FREE_TOKENS}
    return [_measured(folder, "edit: the model's own answer", [[order]], bar=None)]


def _order(text: str, answer: str) -> dict[str, Any]:
    content = f"Here is a file as a JSON string:\n{json.dumps(text)}\nWrite it again, with the change that was asked for."
    return {"messages": [{"role": "user", "content": content}], "schema": {"const": answer}, "max_tokens": 4000}


def _measured(folder: Path, name: str, groups: list[list[dict[str, Any]]], bar: float | None) -> Figure:
    texts: dict[bool, list[str]] = {}
    cpu: dict[bool, float] = {}
    rate = 0.0
    for lookup in (False, True):
        served = Served(folder, lookup=lookup, prefix_bytes=0)
        started = time.process_time()
        texts[lookup] = [text for group in groups for text, _, _ in served.ask(*group)]
        cpu[lookup] = time.process_time() - started
        state = served.engine.loaded()
        rate = state.passes_tokens / state.passes if state.passes else 0.0
    same = "output identical" if texts[False] == texts[True] else "OUTPUT DIFFERS"
    note = f"tokens per pass of a sequence; {same}; CPU {cpu[True] / cpu[False]:.2f} of that without"
    return Figure(name, rate if texts[False] == texts[True] else 0.0, "", bar, is_rate=True, note=note)


if __name__ == "__main__":
    sys.exit(main())
