"""Embeddings: a model's last hidden states, pooled to one vector of length 1 per text.

`1_Pooling/config.json` of sentence-transformers selects the mean of all tokens or the last token. Without that file it is the
last token, because causal models read from left to right.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from .mlx_adapter import mx

# Texts per step, and their tokens together with padding.
TEXTS_A_STEP, TOKENS_A_STEP = 16, 4096


class EmbeddingPooler:
    """`model`: a causal model of mlx-lm. The vectors are the hidden states below its output layer."""

    def __init__(self, model: Any, folder: Path):
        self._body = _body_of(model)
        self._is_mean = _says_mean(folder / "1_Pooling/config.json")

    @property
    def is_possible(self) -> bool:
        """Whether the hidden states of this model are accessible."""
        return self._body is not None

    def vectors(self, prompts: list[list[int]]) -> list[str]:
        """One vector per prompt, as base64 of little-endian 32-bit floats; all in one step."""
        longest = max(len(prompt) for prompt in prompts)
        # Padding comes last: a causal model does not see it.
        tokens = mx.array([prompt + [0] * (longest - len(prompt)) for prompt in prompts])
        assert self._body is not None
        hidden = np.array(self._body(tokens).astype(mx.float32))
        made: list[str] = []
        for at, prompt in enumerate(prompts):
            states = hidden[at, : len(prompt)]
            vector = states.mean(axis=0) if self._is_mean else states[-1]
            made.append(base64.b64encode((vector / (float(np.linalg.norm(vector)) or 1.0)).astype("<f4").tobytes()).decode())
        return made


def steps_of(prompts: list[list[int]]) -> list[list[int]]:
    """Indices of the prompts of each step: similar lengths together, within the limits above."""
    order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
    steps: list[list[int]] = []
    for at in order:
        if steps and len(steps[-1]) < TEXTS_A_STEP and (len(steps[-1]) + 1) * len(prompts[at]) <= TOKENS_A_STEP:
            steps[-1].append(at)
        else:
            steps.append([at])
    return steps


def _body_of(model: Any) -> Any:
    for owner in (model, getattr(model, "language_model", None)):
        for name in ("model", "transformer", "backbone"):
            if (body := getattr(owner, name, None)) is not None and callable(body):
                return body
    return None


def _says_mean(file: Path) -> bool:
    try:
        return bool(json.loads(file.read_text()).get("pooling_mode_mean_tokens"))
    except (OSError, ValueError, AttributeError):
        return False


class EmbeddingSequence:
    """An embedding sequence: its prompts, the steps left, and the vectors so far."""

    def __init__(self, prompts: list[list[int]]):
        self.prompts, self.steps = prompts, steps_of(prompts)
        self.vectors = [""] * len(prompts)
