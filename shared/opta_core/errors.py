"""Errors inside a process. All error classes are in this tree, so a process boundary only needs to catch OptaError.

OptaError
├── Refused      the request is wrong; nothing was done
│   ├── PolicyProblem, YamlProblem, NotPlain   a policy file or a command line cannot be parsed
│   ├── PathProblem, BrowserProblem            a tool cannot do what the model asked
│   ├── NotAnImage                             a file begins like an image and is none
│   ├── Refusal                                the sandbox's proxy refuses a request
│   ├── GrammarProblem                         a schema cannot be enforced on a model's output
│   └── Closed                                 a question can no longer be answered
├── Unavailable  a dependency is not available now; retrying can help
│   ├── HttpProblem (UnverifiedServer), Lost           another server, or the daemon, sent no complete response
│   ├── ServerProblem                          a model server does not answer with a list of models
│   └── TooLarge                               a provider sent an event above the size limit
└── Broken       a bug in Opta, or damaged data

Not in this tree: ToolProblem (a failed tool is a result that the model reads, with its own codes), and errors that never
leave their module.
"""

from typing import Any

from opta_protocol.error_info import ErrorCode, ErrorInfo


class OptaError(Exception):
    """An error that can be sent to other processes: a code, a message, and whether retrying can help."""

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
        """The error in the form that is sent to other processes and clients."""
        return ErrorInfo(
            code=self.code, message=self.message, retryable=self.retryable, retry_after_s=self.retry_after_s, details=self.details
        )


class Refused(OptaError):
    """The request is wrong; nothing was done."""

    code = ErrorCode.invalid


class Unavailable(OptaError):
    """A dependency is not available now; retrying can help."""

    code = ErrorCode.unavailable
    retryable = True


class Broken(OptaError):
    """A bug in Opta, or damaged data."""


def from_info(info: ErrorInfo) -> OptaError:
    """The error that another process sent."""
    return OptaError(info.message, code=info.code, retryable=info.retryable, retry_after_s=info.retry_after_s, details=dict(info.details))
