"""Events by which a person controls a turn while it waits or runs: words for it, a pause, a stop, other words, an undo, an answer."""

import msgspec

from .event_base import Event
from .event_parts import FileHunk


class SteerText(msgspec.Struct, frozen=True, kw_only=True):
    """A steer as a model read it."""

    id: str
    text: str


class TurnQueued(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.queued"):
    """The turn waits behind `position` other turns."""

    position: int


class TurnEdited(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.edited"):
    """A person changed the prompt of a turn that waits. `command`: what was written, when `text` is what a custom command holds."""

    text: str
    command: str = ""


class TurnSteer(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.steer"):
    """A person added words to a running turn, for its next model call. The same `steerId` with other words replaces them, with none removes them.

    `isEdit`: there must be such a steer. The words that a model read are in `steers` of its `step.start`.
    """

    steerId: str
    text: str
    isEdit: bool = False


class TurnPausing(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.pausing"):
    """A pause was requested. It takes effect before the next step. `key` is its idempotency key."""

    by: str
    key: str = ""


class TurnPaused(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.paused"):
    """The turn is paused before `step`."""

    step: int


class TurnResumed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.resumed"):
    """The paused turn continues. `key` is its idempotency key."""

    by: str
    key: str = ""


class QuestionAsked(Event, frozen=True, kw_only=True, omit_defaults=True, tag="question.asked"):
    """The model asked the user: `options` are answers to choose from; any other words are an answer too."""

    questionId: str
    callId: str
    text: str
    options: list[str] = msgspec.field(default_factory=list[str])
    expiresAt: str = ""


class QuestionAnswered(Event, frozen=True, kw_only=True, omit_defaults=True, tag="question.answered"):
    """A question has its one answer. `by` is client, or timeout, when nobody answered; `client` says which one in words."""

    questionId: str
    callId: str
    by: str
    text: str = ""
    client: str = ""


class TurnStopping(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.stopping"):
    """A stop was requested. The turn's end follows."""

    by: str


class TurnUndone(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.undone"):
    """The turn's changes of these files were taken back whole. `hunks`: those that were taken back one by one, also of `files`."""

    files: list[str]
    hunks: list[FileHunk] = []


class TurnRedone(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.redone"):
    """The turn's changes of these files, which were undone, were made again. `hunks`: those that were made again one by one."""

    files: list[str]
    hunks: list[FileHunk] = []
