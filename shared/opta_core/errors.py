"""Errors inside a process.

OptaError
├── Refused      the request is wrong; nothing was done
├── Denied       policy or a person said no
├── Unavailable  something needed is not there now; retrying can help
├── Cancelled    somebody stopped it
└── Broken       our own fault or damaged data
"""

from typing import Any

from opta_protocol.errors import ErrorCode, ErrorInfo


class OptaError(Exception):
    """Carries what crosses the border: a code, a sentence, and whether trying again can help."""

    code = ErrorCode.broken
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode | None = None,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
        details: dict[str, Any] | None = None,
    ):
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.retryable = type(self).retryable if retryable is None else retryable
        self.retry_after_s = retry_after_s
        self.details = details or {}

    def info(self) -> ErrorInfo:
        """The form that is sent to other processes and clients."""
        return ErrorInfo(
            code=self.code, message=self.message, retryable=self.retryable, retry_after_s=self.retry_after_s, details=self.details
        )


class Refused(OptaError):
    """The request is wrong."""

    code = ErrorCode.invalid


class Denied(OptaError):
    """Policy or a person said no."""

    code = ErrorCode.denied


class Unavailable(OptaError):
    """Something needed is not there now."""

    code = ErrorCode.unavailable
    retryable = True


class Cancelled(OptaError):
    """Somebody stopped it."""

    code = ErrorCode.cancelled


class Broken(OptaError):
    """Our own fault, or damaged data."""


def from_info(info: ErrorInfo) -> OptaError:
    """The error that another process reported."""
    return OptaError(info.message, code=info.code, retryable=info.retryable, retry_after_s=info.retry_after_s, details=dict(info.details))
