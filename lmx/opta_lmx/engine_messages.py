"""What the front and an engine child say to each other: ints and strings, nothing else."""

from typing import Any

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every message is tagged with."""


class Generate(Message, frozen=True, kw_only=True, omit_defaults=True, tag="generate"):
    """Answer a conversation. Checked by the front: the engine never sees a bad type."""

    id: int
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] = []
    max_tokens: int = 1024
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    stop: list[str] = []


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


class Finished(Message, frozen=True, kw_only=True, omit_defaults=True, tag="finished"):
    """The answer is complete."""

    id: int
    finish: str
    prompt_tokens: int
    completion_tokens: int
    thinking_tokens: int = 0


class Failed(Message, frozen=True, kw_only=True, omit_defaults=True, tag="failed"):
    """This request cannot be answered."""

    id: int
    code: str
    message: str


ToEngine = Generate | Cancel | Ping
FromEngine = list[Loaded | LoadFailed | Delta | Finished | Failed]
