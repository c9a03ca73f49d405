"""Bodies of HTTP requests and responses by which a person controls a turn: words for it, a pause, other words, another try, more room."""

from typing import Annotated

import msgspec

from .http import AskedLimits, Name, Request, Response, Session, Text
from .permissions import Level, Mode


class ResumeTurn(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/resume: go on with a paused turn, or with the last one if it failed, was stopped or met a limit.

    `text`: words for the model before it goes on, not for a paused turn.
    """

    turnId: Name = ""
    model: Name | None = None
    level: Level | None = None
    limits: AskedLimits = AskedLimits()
    text: Annotated[str, msgspec.Meta(max_length=400_000)] = ""


class SteerTurn(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/steer: words for the next model call of the running turn, or of `turnId` if that is the running one."""

    text: Text
    turnId: Name = ""


class EditText(Request, frozen=True, kw_only=True, omit_defaults=True):
    """PATCH /v3/sessions/:id/steer/:steerId and /turns/:turnId: other words, while they wait."""

    text: Text


class SteerAccepted(Response, frozen=True, kw_only=True):
    """The words are stored, and wait for the next model call."""

    turnId: str
    steerId: str


class ForkRequest(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/fork: a new session with the history up to and with `turnId`, by default the last turn that ended.

    `again`: with the history before it, and its prompt once more, or `text` in its place.
    """

    turnId: Name = ""
    again: bool = False
    text: Annotated[str, msgspec.Meta(max_length=400_000)] = ""
    mode: Mode | None = None
    model: Name | None = None
    level: Level | None = None


class ForkAnswer(Response, frozen=True, kw_only=True):
    """The new session, and the turn that began in it."""

    session: Session
    turnId: str = ""


class AnswerQuestion(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/questions/:questionId: the number of an option, counted from 0, or other words. `client`: see `AnswerPermission`."""

    option: int | None = None
    text: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    client: Name = ""


class PauseTurn(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/pause: the running turn, or `turnId` if that is the running one."""

    turnId: Name = ""


class PauseAccepted(Response, frozen=True, kw_only=True):
    """The turn pauses before its next step."""

    turnId: str
