"""Events about what a model reads: what went into a prompt besides the conversation, and what gave way to a summary or a list."""

from .event_base import Event


class ContextInjected(Event, frozen=True, kw_only=True, omit_defaults=True, tag="context.injected"):
    """Text from outside the conversation was added to the prompt: behind the user's message, or behind the results of step `step`.

    `source`: `environment` for the facts of the turn, else the file that the text is from. `tokens`: estimated. `edition`: for the
    instructions of a folder (AGENTS.md), what they were; the same edition is not added again while it can be read.
    """

    source: str
    tokens: int
    text: str = ""
    step: int = 0
    edition: str = ""


class ContextCompacted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="context.compacted"):
    """In prompts, a summary replaces the turns up to the one that began at seq `upTo`. `before` and `after`: estimated tokens."""

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
