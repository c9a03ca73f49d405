"""Events about what a model reads: what went into a prompt besides the conversation, and what gave way to a summary or a list."""

from .event_base import Event


class ContextInjected(Event, frozen=True, kw_only=True, omit_defaults=True, tag="context.injected"):
    """Something besides the conversation went into the prompt."""

    source: str
    tokens: int


class ContextCompacted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="context.compacted"):
    """Turns up to the one that began at seq `upTo` give way to a summary in prompts; `before` and `after` are tokens, estimated."""

    before: int
    after: int
    summary: str
    upTo: int = 0


class ContextFolded(Event, frozen=True, kw_only=True, omit_defaults=True, tag="context.folded"):
    """Steps of the running turn up to `upToStep` give way to `digest` in prompts, from `step` on; `before`, `after`: tokens, estimated."""

    step: int
    upToStep: int
    before: int
    after: int
    digest: str
