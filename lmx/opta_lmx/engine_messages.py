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


class Cancel(Message, frozen=True, kw_only=True, omit_defaults=True, tag="cancel"):
    """Nobody waits for that answer any more."""

    id: int


class Ping(Message, frozen=True, kw_only=True, omit_defaults=True, tag="ping"):
    """Says which front listens; an engine answers with Loaded once it can work."""

    front: str


class Loaded(Message, frozen=True, kw_only=True, omit_defaults=True, tag="loaded"):
    """The model is there, and these requests run: said once loaded, and after every Ping."""

    pid: int
    seconds: float
    context_length: int
    memory: int = 0
    running: list[int] = []
    capability: str = ""


class LoadFailed(Message, frozen=True, kw_only=True, omit_defaults=True, tag="load_failed"):
    """The model cannot be loaded; the child ends."""

    message: str


class Delta(Message, frozen=True, kw_only=True, omit_defaults=True, tag="delta"):
    """A piece of the answer, of the reasoning, or a whole tool call (`name`, `arguments` as JSON text)."""

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


class Failed(Message, frozen=True, kw_only=True, omit_defaults=True, tag="failed"):
    """This request cannot be answered."""

    id: int
    code: str
    message: str


ToEngine = Generate | Cancel | Ping
FromEngine = list[Loaded | LoadFailed | Delta | Finished | Failed]
