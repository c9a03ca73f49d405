"""Responses of LMX's admin API. LMX creates them, the gateway forwards them, `opta` and the page read them.

Fields with a default may be missing: LMX may be older than its client, and `/v1/models` contains no figures.
"""

from typing import Literal

import msgspec

LmxState = Literal["on disk", "loading", "loaded", "failed", "quarantined", "stopped"]
LmxScope = Literal["infer", "admin"]


class LmxAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every response of LMX."""


class LmxModel(LmxAnswer, frozen=True, kw_only=True):
    """One model in GET /v1/models. `problem`: why it cannot be used."""

    id: str
    state: LmxState
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "lmx"
    default: bool = False
    # In tokens; 0 when the model does not state it.
    context_length: int = 0
    # Size of the weights on disk.
    bytes: int = 0
    capability: str = ""
    # Names of the tools that the model can use; None for any.
    tools: list[str] | None = None
    # Whether it sees pictures.
    vision: bool = False
    problem: str = ""
    # Of a model with a LoRA adapter: the names of both.
    base: str = ""
    adapter: str = ""


class LmxModelDetails(LmxModel, frozen=True, kw_only=True):
    """One model with its figures, in the admin API. Sizes are in bytes. The fields from `pinned` on describe a loaded engine."""

    needed: int = 0
    repo: str = ""
    revision: str = ""
    licence: str = ""
    # Where it lies, and what it is: see `LmxFound`.
    origin: str = ""
    architecture: str = ""
    quantisation: str = ""
    pinned: bool = False
    memory: int = 0
    pid: int = 0
    running: int = 0
    idle_s: float = 0.0
    restarts: int = 0
    # While it is loaded: bytes of the weights in memory, of how many, and for how many seconds. `load_total` is 0 where the engine does not say.
    load_done: int = 0
    load_total: int = 0
    loading_s: float = 0.0
    speed: "LmxSpeed | None" = None


class LmxSpeed(LmxAnswer, frozen=True, kw_only=True):
    """What LMX measured of a model's last finished requests (`requests` of them); None for a model that has answered none since LMX started.

    Tokens per second of one answer while it is written (median), all answers together over the last two seconds, and the seconds to a first token (median).
    """

    requests: int
    tokens_per_s: float
    now_tokens_per_s: float = 0.0
    first_token_s: float = 0.0


class LmxModelList(LmxAnswer, frozen=True, kw_only=True):
    """GET /v1/models"""

    data: list[LmxModelDetails]
    object: Literal["list"] = "list"


class LmxMemory(LmxAnswer, frozen=True, kw_only=True):
    """Bytes that LMX uses and may use. `level`: its reaction to memory pressure.

    Of the limit, models may take `models` in all, which is also what recommendations count with, and loaded ones take `committed`; prompts that
    are kept for reuse may take `prefixes`; the rest stays free. 0: an older LMX does not say.
    """

    used: int
    limit: int
    level: Literal["ok", "warn", "evict", "shed"]
    models: int = 0
    committed: int = 0
    prefixes: int = 0
    # Of the machine.
    total: int = 0


class LmxPull(LmxAnswer, frozen=True, kw_only=True):
    """One download. `done` and `total` are bytes; `message` says why it failed."""

    name: str
    repo: str
    # "paused": a person stopped it; pulling the same model again continues it.
    state: Literal["looking", "pulling", "paused", "done", "failed"] = "looking"
    revision: str = ""
    licence: str = ""
    done: int = 0
    total: int = 0
    message: str = ""


class LmxModels(LmxAnswer, frozen=True, kw_only=True):
    """GET /admin/models: all models, LMX's memory, and the downloads. The last two need a key with admin rights."""

    models: list[LmxModelDetails]
    memory: LmxMemory | None = None
    pulls: list[LmxPull] = []


class LmxFound(LmxAnswer, frozen=True, kw_only=True):
    """One model on this machine, found in a folder of LMX or of another program. Sizes are in bytes."""

    id: str
    path: str
    # The program or folder that holds it: "Opta", "Hugging Face cache", "LM Studio", "Ollama", "folder" or "built-in".
    origin: str
    # "mlx": a folder of safetensors; "gguf": a file to import; "": unknown.
    format: str
    # Of the weights; `needed` adds the engine and a conversation of 8,192 tokens, `token_bytes` is the cache of one token.
    bytes: int = 0
    needed: int = 0
    token_bytes: int = 0
    architecture: str = ""
    quantisation: str = ""
    context_length: int = 0
    capability: str = ""
    licence: str = ""
    revision: str = ""
    # Whether LMX can serve it as it is, and why not.
    runnable: bool = False
    problem: str = ""
    # Whether `opta models import` can be tried.
    importable: bool = False
    # Where else a model of this name lies; LMX uses `path`.
    also: list[str] = []


class LmxCatalog(LmxAnswer, frozen=True, kw_only=True):
    """Every model on this machine. `problems`: one line for each folder that cannot be read; `limit`: bytes that LMX may use."""

    models: list[LmxFound]
    problems: list[str] = []
    limit: int = 0


class LmxOffer(LmxAnswer, frozen=True, kw_only=True):
    """A model with the memory that it needs for a conversation of `tokens`. Sizes in bytes; `words`: what it is good for."""

    id: str
    bytes: int
    cache_bytes: int
    needed: int
    tokens: int
    fits: bool
    licence: str = ""
    words: str = ""


class LmxAdvice(LmxAnswer, frozen=True, kw_only=True):
    """What fits: models that are here, and models to fetch. `available`: bytes for models; `tokens`: the context that was asked for."""

    available: int
    tokens: int
    here: list[LmxOffer]
    offers: list[LmxOffer]


class LmxOverview(LmxAnswer, frozen=True, kw_only=True):
    """Every model on this machine, with what fits."""

    catalog: LmxCatalog
    advice: LmxAdvice


class LmxHubModel(LmxAnswer, frozen=True, kw_only=True):
    """One model of a hub. `bytes`: of its weights, 0 when the hub does not say; `problem`: why LMX could not run it."""

    repo: str
    bytes: int = 0
    downloads: int = 0
    architecture: str = ""
    licence: str = ""
    gated: bool = False
    problem: str = ""


class LmxHubSearch(LmxAnswer, frozen=True, kw_only=True):
    """What a hub has for some words, most fetched first; `problem`: why it was not asked."""

    endpoint: str
    models: list[LmxHubModel] = []
    problem: str = ""


class LmxWorkLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """Base of the lines that a program which makes a model folder writes to its standard output."""


class LmxWorkProgress(LmxWorkLine, frozen=True, kw_only=True, tag="progress"):
    """Bytes that were read, of those to read."""

    done: int
    total: int


class LmxWorkDone(LmxWorkLine, frozen=True, kw_only=True, omit_defaults=True, tag="done"):
    """The model folder is complete. Sizes of the weights in bytes; `notes`: what a person should know, one sentence each."""

    name: str
    path: str
    bytes_before: int
    bytes: int
    summary: str
    notes: list[str] = []


class LmxWorkFailed(LmxWorkLine, frozen=True, kw_only=True, tag="failed"):
    """There is no model folder. `retryable`: the same command can succeed later without a change."""

    message: str
    retryable: bool


LmxWork = LmxWorkProgress | LmxWorkDone | LmxWorkFailed


class LmxUnloaded(LmxAnswer, frozen=True, kw_only=True):
    """POST /admin/models/unload"""

    unloaded: str


class LmxAvailable(LmxAnswer, frozen=True, kw_only=True):
    """POST /admin/models/available: what a pull would fetch. `licence` is '' when the hub does not state one.

    `free`: bytes that are free on the disk of LMX's models; 0 when LMX does not say.
    """

    repo: str
    revision: str
    bytes: int
    files: int
    licence: str = ""
    license_url: str = ""
    free: int = 0


class LmxKey(LmxAnswer, frozen=True, kw_only=True):
    """One key. `created`: seconds since the epoch."""

    name: str
    scopes: list[LmxScope]
    created: float


class LmxKeys(LmxAnswer, frozen=True, kw_only=True):
    """GET /admin/keys"""

    keys: list[LmxKey]


class LmxNewKey(LmxAnswer, frozen=True, kw_only=True):
    """POST /admin/keys, and the last step of a pairing. The key is sent only here."""

    name: str
    key: str


class LmxKeyRemoved(LmxAnswer, frozen=True, kw_only=True):
    """POST /admin/keys/remove"""

    removed: str


class LmxPairingCode(LmxAnswer, frozen=True, kw_only=True):
    """POST /admin/pairing: the code to show, its validity in seconds, and the SHA-256 of the certificate."""

    code: str
    seconds: float
    fingerprint: str


class LmxPairingStep(LmxAnswer, frozen=True, kw_only=True):
    """POST /pair, first step: the server's message of the exchange, and its proof."""

    attempt: str
    message: str
    proof: str


class LmxProof(LmxAnswer, frozen=True, kw_only=True):
    """GET /proof: an HMAC over the nonce and the port."""

    proof: str


class LmxEvent(LmxAnswer, frozen=True, kw_only=True, omit_defaults=True):
    """GET /admin/events, one server-sent event. Which fields are set depends on `event`; sizes are bytes, `at` is in seconds since 1970."""

    number: int
    at: float
    event: str
    model: str = ""
    reason: str = ""
    seconds: float = 0.0
    memory: int = 0
    needed: int = 0
    requests: int = 0
    level: str = ""
    used: int = 0
    limit: int = 0
    # Fields of a download, as in `LmxPull`.
    name: str = ""
    repo: str = ""
    state: str = ""
    revision: str = ""
    licence: str = ""
    done: int = 0
    total: int = 0
    message: str = ""
