"""Messages between the server and an engine process. Plain data only: numbers, strings, lists and JSON objects."""

from typing import Any, Literal

import msgspec


class EngineMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """Base of every message."""


class Picture(msgspec.Struct, frozen=True, tag_field="type", tag="picture"):
    """The place of a picture among the parts of a message's content. `number`: its index in `Generate.pictures`."""

    number: int


class PictureFile(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a picture as base64, as the client sent it. `where`: the field that holds it."""

    where: str
    data: str


class Generate(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="generate"):
    """Generate an answer. The server has validated every field."""

    id: int
    messages: list[dict[str, Any]]
    # Those that the messages' parts name; only an engine of kind "vision" gets any.
    pictures: list[PictureFile] = []
    # Instead of messages: a text to continue, without a chat template.
    prompt: str = ""
    tools: list[dict[str, Any]] = []
    max_tokens: int = 1024
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    stop: list[str] = []
    seed: int | None = None
    # Token id (as a string) -> value added to its logit.
    logit_bias: dict[str, float] = {}
    repetition_penalty: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    # Alternatives to report with each token's log-probability; -1: report none.
    logprobs: int = -1
    # JSON schema of the answer; name of the tool that must be called ("*": any tool).
    schema: dict[str, Any] | None = None
    forced: str = ""
    # A forced answer may have several calls.
    many_calls: bool = False
    # Tools whose arguments follow their schema when the model calls them unforced.
    strict: list[str] = []
    # At most one tool call per answer.
    one_call: bool = False
    # What the chat template reads about thinking; None and '' leave it to the template.
    thinking: bool | None = None
    effort: str = ""
    # Tokens that the client allows for thinking; 0: it names no number.
    thinking_budget: int = 0
    # Variables that the client names for the chat template.
    template_arguments: dict[str, Any] = {}
    # Folder of the adapter that computes the answer; '' for none. Its name is for messages.
    adapter: str = ""
    adapter_name: str = ""
    # Names of the sampling fields above that the request sets itself; the model's own defaults may stand for the others.
    chosen: list[str] = []


class Embed(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="embed"):
    """Compute one vector per text."""

    id: int
    texts: list[str]


class Tokenize(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="tokenize"):
    """Return the tokens of a text, or of a conversation as the chat template renders it."""

    id: int
    text: str = ""
    messages: list[dict[str, Any]] = []
    tools: list[dict[str, Any]] = []


class Trim(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="trim"):
    """Memory is short: reduce the prefix cache to this size."""

    bytes: int


class Share(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="share"):
    """From now on, the prefix cache and the KV caches of running requests may take so many bytes."""

    prefix_bytes: int
    cache_bytes: int


class Cancel(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="cancel"):
    """Stop working on a request; it gets no further event."""

    id: int


class Ping(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="ping"):
    """Ask for the engine's state; the reply is Loaded."""


class Loaded(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="loaded"):
    """The model is loaded. Sent once after loading, and as the reply to every Ping."""

    pid: int
    seconds: float
    context_length: int
    memory: int = 0
    running: int = 0
    capability: str = ""
    # Bytes in the prefix cache; steps since the start, and their total duration.
    prefix_bytes: int = 0
    steps: int = 0
    step_s: float = 0.0
    # Tokens that the draft model proposed, and those that were accepted.
    drafted: int = 0
    accepted: int = 0
    # Measured after loading: bytes of the weights, and of the KV cache of a conversation (see `EngineConfig.conversation_tokens`).
    weight_bytes: int = 0
    conversation_bytes: int = 0
    # With prompt lookup: forward passes of sequences after their prompts, the tokens that they gave, and the proposals for them.
    passes: int = 0
    passes_tokens: int = 0
    looked_up: int = 0
    found: int = 0


class Loading(EngineMessage, frozen=True, kw_only=True, tag="loading"):
    """Bytes of the weights that are in memory, of those that have to be. Sent while the model is loaded."""

    done: int
    total: int


class LoadFailed(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="load_failed"):
    """The model cannot be loaded; the process ends."""

    message: str


class Delta(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="delta"):
    """A piece of the answer, of the reasoning, or of a tool call.

    A tool call begins with its `name` and the first part of its `arguments` (JSON text); deltas with `arguments` alone continue it.
    """

    id: int
    text: str = ""
    thinking: str = ""
    name: str = ""
    arguments: str = ""
    logprobs: list["TokenLogprob"] = []


class TokenLogprob(msgspec.Struct, frozen=True, kw_only=True):
    """One token of an answer: its text and bytes, its log-probability, and the most likely alternatives (text, log-probability, bytes).

    The bytes of all tokens joined are the answer; the text of a token that is a part of a character has replacement marks.
    """

    token: str
    logprob: float
    bytes: list[int]
    top: list[tuple[str, float, list[int]]] = []


class Finished(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="finished"):
    """The answer is complete."""

    id: int
    finish: str
    prompt_tokens: int
    completion_tokens: int
    thinking_tokens: int = 0
    cached_tokens: int = 0
    # The stop string that ended the answer, if one did.
    stopped_by: str = ""
    # Tool calls that could not be parsed or repaired, and were returned as text.
    malformed: int = 0


class Vectors(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="vectors"):
    """The result of Embed: one vector of length 1 per text, as base64 of little-endian 32-bit floats."""

    id: int
    vectors: list[str]
    prompt_tokens: int


class Tokens(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="tokens"):
    """The result of Tokenize."""

    id: int
    ids: list[int]


class Failed(EngineMessage, frozen=True, kw_only=True, omit_defaults=True, tag="failed"):
    """The request failed."""

    id: int
    code: str
    message: str


class ModelPreset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the user sets for a model: it stands for what a request does not say. None, '' and 0 leave it to the model."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    thinking: bool | None = None
    effort: str = ""
    thinking_budget: int = 0
    # Of an answer whose request does not say; None: as the API's default is.
    max_tokens: int | None = None
    # Tokens of a conversation, less than the model could read.
    context: int = 0
    # Variables of the chat template.
    template_arguments: dict[str, Any] = {}


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Configuration of an engine process; JSON in its one argument. Sizes are bytes."""

    name: str
    folder: str
    # "vision": computed by mlx-vlm, one request at a time, with pictures.
    kind: Literal["text", "vision"] = "text"
    # The engine's end of the socket pair (see `framing`).
    descriptor: int = -1
    # Folder of a draft model with the same vocabulary; used while a single request runs.
    draft: str = ""
    # Propose tokens by copying from the prompt and the answer.
    lookup: bool = False
    # KV caches of all running requests together; 0: no limit. Length of a conversation whose KV cache is reported.
    cache_bytes: int = 0
    conversation_tokens: int = 8192
    # Freed memory that mlx keeps for reuse.
    reserve_bytes: int = 1024**3
    # Prefix cache in memory; folder and size of the prefix store on disk ('' and 0: none).
    prefix_bytes: int = 0
    disk: str = ""
    disk_bytes: int = 0
    preset: ModelPreset = ModelPreset()
    # A host file of `mlx.launch`: the model is distributed over these machines.
    ring: str = ""


ToEngine = Generate | Embed | Tokenize | Cancel | Ping | Trim | Share
FromEngine = list[Loaded | Loading | LoadFailed | Delta | Finished | Vectors | Tokens | Failed]
