"""A random model with marks around its reasoning."""

import json
from pathlib import Path
from typing import Any

from support.random_model import make_random_qwen3
from support.served import Served

START, END = 276, 277


def thinker(folder: Path, template: str, marks: tuple[str, str] = ("<think>", "</think>"), **more: Any) -> Served:
    """The model in a folder, with a chat template; `more`: for its engine."""
    make_random_qwen3(folder, context=1024, tie_word_embeddings=False, vocab_size=278)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    for number, word in ((START, marks[0]), (END, marks[1])):
        tokenizer["added_tokens"].append(
            {"id": number, "content": word, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
        )
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "chat_template.jinja").write_text(template)
    return Served(folder, **more)
