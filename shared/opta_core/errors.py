"""Errors inside a process. Every error class of ours is in this tree, so that a border that catches OptaError meets no other.

OptaError
├── Refused      the request is wrong; nothing was done
│   ├── PolicyProblem, YamlProblem, NotPlain   a policy file, or a command line, is not usable as it stands
│   ├── PathProblem, BrowserProblem            a tool cannot do what the model asked
│   ├── Refusal                                the sandbox's proxy does not pass a request on
│   ├── GrammarProblem                         a model's output cannot be held to that schema
│   └── Closed                                 the question takes no answer any more
├── Unavailable  something needed is not there now; retrying can help
│   ├── HttpProblem (Stranger), Lost           no whole answer came from another server, or from the daemon
│   └── TooLarge                               a provider sent more than any event has
└── Broken       our own fault or damaged data

Outside: ToolProblem (a tool that failed is a result that the model reads, with a code of its own), and errors that never leave
their module.
"""

from typing import Any

from opta_protocol.error_info import ErrorCode, ErrorInfo


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


class Unavailable(OptaError):
    """Something needed is not there now."""

    code = ErrorCode.unavailable
    retryable = True


class Broken(OptaError):
    """Our own fault, or damaged data."""


def from_info(info: ErrorInfo) -> OptaError:
    """The error that another process reported."""
    return OptaError(info.message, code=info.code, retryable=info.retryable, retry_after_s=info.retry_after_s, details=dict(info.details))
