"""Log lines for people: constant words, then key=value. Written to stderr only, with credentials redacted.

`2026-03-01 14:23:09.224 INFO [agent] turn submitted session=s-a8f2 turn=t12 model=lmx`
"""

import logging
import re
import sys
import time
from contextvars import ContextVar
from typing import Any

# Ids of the current work; every log line includes them.
current_session: ContextVar[str] = ContextVar("current_session", default="")
current_turn: ContextVar[str] = ContextVar("current_turn", default="")

_SECRET = re.compile(
    r"(?i)(bearer\s+|token=|opta\.bearer\.|api[-_]?key[\"']?\s*[:=]\s*[\"']?|authorization[\"']?\s*[:=]\s*[\"']?(?:bearer\s+)?)([^\s&\"',]{6,})|\b(sk-[A-Za-z0-9_-]{8,})"
)


def redact(text: str) -> str:
    """Replace everything that looks like a credential."""
    return _SECRET.sub(lambda match: (match.group(1) or "") + "••••", text)


class _Formatter(logging.Formatter):
    def __init__(self, service: str):
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        fields: dict[str, Any] = {}
        if current_session.get():
            fields["session"] = f"s-{current_session.get()}"
        if current_turn.get():
            fields["turn"] = current_turn.get()
        fields |= getattr(record, "fields", {})
        words = "".join(f" {key}={_value(value)}" for key, value in fields.items())
        line = f"{clock}.{int(record.msecs):03d} {record.levelname} [{self._service}] {record.getMessage()}{words}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return _printable(redact(line))


def _value(value: Any) -> str:
    text = str(value)
    return repr(text) if not text or " " in text or not text.isprintable() else text


def _printable(line: str) -> str:
    """Escape characters that move, hide or disguise text in a terminal. Line breaks of a traceback are kept."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in line)


class Log:
    """Writes the log lines of one process: `log.info("turn submitted", model="lmx")`."""

    def __init__(self, name: str):
        self._logger = logging.getLogger(name)

    def debug(self, words: str, **fields: Any) -> None:
        self._logger.debug(words, extra={"fields": fields})

    def info(self, words: str, **fields: Any) -> None:
        self._logger.info(words, extra={"fields": fields})

    def warning(self, words: str, **fields: Any) -> None:
        self._logger.warning(words, extra={"fields": fields})

    def error(self, words: str, **fields: Any) -> None:
        self._logger.error(words, extra={"fields": fields})

    def exception(self, words: str, **fields: Any) -> None:
        """Log an error with the traceback of the exception being handled."""
        self._logger.exception(words, extra={"fields": fields})


def set_up(service: str, level: str) -> None:
    """Send all log lines of this process to stderr in this format. Called once, in `__main__`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("uvicorn.access", "httpx", "httpcore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It logs every refused handshake as an error.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
