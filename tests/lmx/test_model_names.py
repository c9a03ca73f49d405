"""Names of models in requests: what finds a model that is here, and what does not."""

import pytest

from opta_lmx.models.model_names import find

KNOWN = ["Qwen3-4B-4bit", "gemma3-4b", "mlx-community/Llama-3B", "one/same", "two/same", "probe"]
ALIASES = {"gpt-4o": "gemma3-4b", "gone": "absent", "Fast": "probe"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("Qwen3-4B-4bit", "Qwen3-4B-4bit"),
        ("qwen3-4b-4BIT", "Qwen3-4B-4bit"),
        ("mlx-community/Qwen3-4B-4bit", "Qwen3-4B-4bit"),
        ("lmx/qwen3-4b-4bit:latest", "Qwen3-4B-4bit"),
        ("gemma3:4b", "gemma3-4b"),
        ("Gemma3:4B", "gemma3-4b"),
        ("probe:latest", "probe"),
        ("org/probe:8b-q4", "probe"),
        ("gpt-4o", "gemma3-4b"),
        ("openai/gpt-4o", "gemma3-4b"),
        ("GPT-4o:free", "gemma3-4b"),
        ("fast", "probe"),
        ("mlx-community/llama-3b", "mlx-community/Llama-3B"),
        ("Llama-3B", "mlx-community/Llama-3B"),
        ("llama-3b:latest", "mlx-community/Llama-3B"),
        ("one/same", "one/same"),
        ("ONE/same", "one/same"),
        ("same", None),
        ("gone", None),
        ("qwen3", None),
        ("", None),
        (":", None),
        ("/", None),
        ("x:y/z", None),
    ],
)
def test_a_name_finds_the_one_model_that_it_fits(wanted: str, found: str | None) -> None:
    assert find(wanted, KNOWN, ALIASES) == found
