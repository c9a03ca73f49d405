"""Asks a model hub which MLX models it has for some words: `python -m opta_lmx.models.download.hub_search [--endpoint URL] -- WORDS`.

It prints one `LmxHubSearch` as JSON. Nothing but the words is sent, and to the hub alone.
"""

import argparse
import sys
from typing import Any

import msgspec

from opta_core.errors import Broken
from opta_core.process.parent_death import die_with_parent
from opta_protocol.lmx import LmxHubModel, LmxHubSearch

from ...json_values import as_list, as_object
from ..found.architectures import can_load
from .hub_repo import Hub, line

MODELS_MAX, TIMEOUT_S = 20, 15.0
_WANTED = ("config", "downloads", "gated", "safetensors", "tags")
_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}


def main() -> int:
    """Run the program; returns its exit code."""
    die_with_parent()
    parser = argparse.ArgumentParser(prog="opta_lmx.models.download.hub_search")
    parser.add_argument("words")
    parser.add_argument("--endpoint", default="", help="address of the hub (default: that of the hub's library)")
    options = parser.parse_args()
    hub = Hub(options.endpoint, f"a search for {options.words[:80]!r}", "")
    try:
        found = LmxHubSearch(endpoint=hub.endpoint, models=_search(hub.endpoint, options.words))
    except Exception as error:  # whatever fails, the command reads one sentence and never a traceback
        found = LmxHubSearch(endpoint=hub.endpoint, problem=_problem(hub, error))
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    return 0


def _search(endpoint: str, words: str) -> list[LmxHubModel]:
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # pyright: ignore[reportUnknownVariableType]

    # The library's own search tries for half a minute when nothing answers.
    query = {"search": words, "filter": "mlx", "sort": "downloads", "direction": "-1", "limit": str(MODELS_MAX), "expand": list(_WANTED)}
    response = get_session().get(f"{endpoint}/api/models", params=query, headers=build_hf_headers(token=False), timeout=TIMEOUT_S)
    hf_raise_for_status(response)
    found = as_list(response.json())
    if found is None:
        raise Broken(f"{endpoint} did not answer with a list of models. Is it a model hub? Check lmx.hub.")
    return [model for each in found[:MODELS_MAX] if (info := as_object(each)) and (model := _model(info))]


def _problem(hub: Hub, error: Exception) -> str:
    from httpx2 import TransportError

    if isinstance(error, TransportError):
        return f"{hub.endpoint} is out of reach ({line(error) or type(error).__name__})."
    if isinstance(error, ValueError):
        return f"{hub.endpoint} did not answer in JSON. Is it a model hub? Check lmx.hub."
    return hub.failure(error).message


def _model(info: dict[str, Any]) -> LmxHubModel | None:
    repo, tags = info.get("id"), as_list(info.get("tags")) or []
    if not isinstance(repo, str):
        return None
    counts = as_object((as_object(info.get("safetensors")) or {}).get("parameters")) or {}
    architecture = (as_object(info.get("config")) or {}).get("model_type")
    architecture = line(architecture)[:60] if isinstance(architecture, str) else ""
    downloads = info.get("downloads")
    licence = next((tag[8:] for tag in tags if isinstance(tag, str) and tag.startswith("license:")), "")
    return LmxHubModel(
        repo=line(repo),
        bytes=sum(count * _BYTES.get(kind, 1) for kind, count in counts.items() if isinstance(count, int) and count > 0),
        downloads=downloads if isinstance(downloads, int) else 0,
        architecture=architecture,
        licence=line(licence)[:80],
        gated=bool(info.get("gated")),
        problem=f"mlx-lm has no architecture {architecture!r}" if architecture and not can_load(architecture) else "",
    )


if __name__ == "__main__":
    sys.exit(main())
