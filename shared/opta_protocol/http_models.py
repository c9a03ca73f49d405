"""HTTP responses (v3) about models to begin with: what lies on this machine, and what fits."""

from .http import Response
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
