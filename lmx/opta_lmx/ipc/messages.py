"""What the front and an engine child say to each other: ints and strings, nothing else."""

from typing import Any

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every message is tagged with."""


class Generate(Message, frozen=True, kw_only=True, omit_defaults=True, tag="generate"):
    """Answer a conversation. Checked by the front: the engine never sees a bad type."""

    id: int
    messages: list[dict[str, Any]]
    # Instead of messages: a text as it stands, without a chat template.
    prompt: str = ""
    tools: list[dict[str, Any]] = []
    max_tokens: int = 1024
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    stop: list[str] = []
    seed: int | None = None
    # Token id (as text) -> what is added to its logit.
    logit_bias: dict[str, float] = {}
    repetition_penalty: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    # How many alternatives of each token are told with its probability; -1: none is told.
    logprobs: int = -1
    # JSON schema of the answer, and the tool that has to be called ("*": any of them).
    schema: dict[str, Any] | None = None
    forced: str = ""
    # Calls that the model makes of its own will have arguments of these tools' schemas for certain.
    strict: list[str] = []
    # At most one call in an answer.
    one_call: bool = False


class Embed(Message, frozen=True, kw_only=True, omit_defaults=True, tag="embed"):
    """Turn texts into vectors."""

    id: int
    texts: list[str]


class Tokenize(Message, frozen=True, kw_only=True, omit_defaults=True, tag="tokenize"):
    """Say the tokens of a text, or of a conversation as its template renders it."""

    id: int
    text: str = ""
    messages: list[dict[str, Any]] = []
    tools: list[dict[str, Any]] = []


class Trim(Message, frozen=True, kw_only=True, omit_defaults=True, tag="trim"):
    """Keep no more bytes of earlier prompts than this: memory is short."""

    bytes: int


class Cancel(Message, frozen=True, kw_only=True, omit_defaults=True, tag="cancel"):
    """Nobody waits for that answer any more."""

    id: int


class Ping(Message, frozen=True, kw_only=True, omit_defaults=True, tag="ping"):
    """Asks how the engine is; it answers with Loaded."""


class Loaded(Message, frozen=True, kw_only=True, omit_defaults=True, tag="loaded"):
    """The model is there, and so many requests run: said once loaded, and after every Ping."""

    pid: int
    seconds: float
    context_length: int
    memory: int = 0
    running: int = 0
    capability: str = ""
    # Bytes kept of earlier prompts, and how many steps took how long, since the start.
    prefix_bytes: int = 0
    steps: int = 0
    step_s: float = 0.0
    # Tokens that a draft proposed, and those of them that stood.
    drafted: int = 0
    accepted: int = 0


class LoadFailed(Message, frozen=True, kw_only=True, omit_defaults=True, tag="load_failed"):
    """The model cannot be loaded; the child ends."""

    message: str


class Delta(Message, frozen=True, kw_only=True, omit_defaults=True, tag="delta"):
    """A piece of the answer, of the reasoning, or of a tool call.

    A call begins with its `name` and some of its `arguments` (JSON text), all of them unless more pieces with `arguments` alone follow.
    """

    id: int
    text: str = ""
    thinking: str = ""
    name: str = ""
    arguments: str = ""
    logprobs: list["TokenLogprob"] = []


class TokenLogprob(msgspec.Struct, frozen=True, kw_only=True):
    """One token of an answer: its text, its bytes, the logarithm of its probability, and the likeliest ones in its place."""

    token: str
    logprob: float
    bytes: list[int]
    top: list[tuple[str, float]] = []


class Finished(Message, frozen=True, kw_only=True, omit_defaults=True, tag="finished"):
    """The answer is complete."""

    id: int
    finish: str
    prompt_tokens: int
    completion_tokens: int
    thinking_tokens: int = 0
    cached_tokens: int = 0
    # The stop string that ended the answer, if one did.
    stopped_by: str = ""
    # Tool calls that could not be read, even with patience, and were given as text.
    malformed: int = 0


class Vectors(Message, frozen=True, kw_only=True, omit_defaults=True, tag="vectors"):
    """What came of Embed: one vector a text, as base64 of 32-bit floats in little-endian order, each of length 1."""

    id: int
    vectors: list[str]
    prompt_tokens: int


class Tokens(Message, frozen=True, kw_only=True, omit_defaults=True, tag="tokens"):
    """What came of Tokenize."""

    id: int
    ids: list[int]


class Failed(Message, frozen=True, kw_only=True, omit_defaults=True, tag="failed"):
    """This request cannot be answered."""

    id: int
    code: str
    message: str


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an engine child is started with, as JSON in its one argument."""

    name: str
    folder: str
    # Its end of a pair of sockets, the other of which the front has (`framing`).
    descriptor: int = -1
    # A small model of the same vocabulary that proposes tokens while one request is alone.
    draft: str = ""
    # What one token of a conversation takes, and all conversations under way may take; 0: not known, no limit.
    token_bytes: int = 0
    cache_bytes: int = 0
    # Kept of earlier prompts: in memory, and in a folder on disk ('' and 0: nothing there).
    prefix_bytes: int = 0
    disk: str = ""
    disk_bytes: int = 0
    # A host file of `mlx.launch`: the model is spread over those machines.
    ring: str = ""


ToEngine = Generate | Embed | Tokenize | Cancel | Ping | Trim
FromEngine = list[Loaded | LoadFailed | Delta | Finished | Vectors | Tokens | Failed]
