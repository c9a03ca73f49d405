"""HTTP types (v3) about models: what lies on this machine, what fits, and how fast a model of LMX is."""

from typing import Literal

import msgspec

from .http import Name, Request, Response
from .lmx import LmxFound, LmxOffer


class MachineModels(Response, frozen=True, kw_only=True):
    """GET /v3/models/found. `here`: models that LMX can serve, with the memory they need; `offers`: models to fetch that fit.

    Sizes are in bytes. `available`: the memory for models; `tokens`: the length of the conversation that `needed` counts.
    With `isRemote` LMX runs on `host`, and nothing was looked at.
    """

    models: list[LmxFound] = []
    problems: list[str] = []
    here: list[LmxOffer] = []
    offers: list[LmxOffer] = []
    available: int = 0
    tokens: int = 0
    isRemote: bool = False
    host: str = ""


class StartBench(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/lmx/bench: measure how fast a model of LMX is. It is loaded for that."""

    model: Name


class BenchPoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One prompt of about `wanted` tokens; `tokens`: how many it had. Speeds in tokens per second, 0 when not measured: `problem` says why."""

    wanted: int
    tokens: int = 0
    promptPerS: float = 0.0
    tokensPerS: float = 0.0
    firstTokenS: float = 0.0
    answerTokens: int = 0
    problem: str = ""


class ModelBench(Response, frozen=True, kw_only=True, omit_defaults=True):
    """One measurement. `planned`: the lengths of its prompts; `host`: where LMX ran, '' for this machine; `reason`: why it did not end well."""

    model: str
    at: str
    state: Literal["running", "done", "stopped", "failed"]
    planned: list[int] = []
    points: list[BenchPoint] = []
    host: str = ""
    reason: str = ""
    elapsedS: float = 0.0
    # Whether the model was loaded and has answered once.
    isLoaded: bool = False


class BenchList(Response, frozen=True, kw_only=True):
    """GET /v3/lmx/bench: the measurement that runs, and the last results, the newest first."""

    running: ModelBench | None = None
    results: list[ModelBench] = []
