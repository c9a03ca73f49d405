"""The evidence of a session as one zip that can be given away: what names or contains a secret is masked, and words are left out unless asked for.

Masked are: values of the vault and keys of this home wherever they appear; every value of an `env` table and of a key that names a
secret; forms of well-known tokens; the user's home folder. JSON and TOML stay readable.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ..logs import redact

MASK = "••••"
# Of one log, and of all events, from their end.
LOG_BYTES_MAX, EVENTS_MAX = 256 * 1024, 2000
_SECRET_NAME = re.compile(
    r"(?i)(?:secret|password|passwd|\bpwd\b|credential|private[-_]?key|api[-_]?key|access[-_]?key|bearer|authorization|cookie|pairing|"
    r"(?:^|[-_.])(?:auth|key|token)$|[a-z](?:Key|Token)$)"
)
_TABLES = {"env", "headers"}
_LINE = re.compile(r"""(?m)^(\s*["']?)([A-Za-z0-9_.-]+)(["']?\s*=\s*)(.+)$""")
_HEADING = re.compile(r"(?m)^\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?$")
_TOKENS = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{8,}|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bhf_[A-Za-z0-9]{16,}|\bxox[abprs]-[\w-]{8,}|\bAKIA[A-Z0-9]{12,}"
    r"|\bAIza[\w-]{20,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=://)[^/\s:@\"']+:[^/\s@\"']+(?=@)|(?<=[?&]key=)[^&\s\"']+",
    re.DOTALL,
)
# Fields of events that hold words of people, models and files.
_WORDS = {
    "text",
    "delta",
    "content",
    "summary",
    "digest",
    "written",
    "args",
    "diff",
    "command",
    "items",
    "nudge",
    "steers",
    "reason",
    "note",
    "preview",
    "title",
    "message",
    "options",
}
_KEPT_WORDS = {
    "turn.error": {"message"},
    "warning": {"message"},
    "route.switch": {"reason"},
    "service.lost": {"reason"},
    "session.cancelled": {"reason"},
}


class Redactor:
    """Masks secrets. `secrets`: values that are known; `home`: the user's home folder."""

    def __init__(self, secrets: Iterable[str], home: str):
        # The longest first, so that none is left of which another is a part.
        self._secrets = sorted({value for value in secrets if len(value) >= 6}, key=len, reverse=True)
        self._home = home.rstrip("/")

    def text(self, text: str) -> str:
        """Any text, such as a log."""
        for value in self._secrets:
            text = text.replace(value, MASK)
        text = redact(_TOKENS.sub(MASK, text))
        return text.replace(self._home, "~") if len(self._home) > 1 else text

    def toml(self, text: str) -> str:
        """A settings file: values of keys that name a secret, and every value of an `env` table, besides what `text` masks."""
        kept: list[str] = []
        is_masked_table = False
        for line in text.splitlines():
            if heading := _HEADING.match(line):
                is_masked_table = heading[1].rpartition(".")[2].strip("\"' ") in _TABLES
            elif (found := _LINE.match(line)) and (
                is_masked_table or _SECRET_NAME.search(found[2]) or found[2].rpartition(".")[2] in _TABLES
            ):
                line = f'{found[1]}{found[2]}{found[3]}"{MASK}"'
            elif "{" in line:
                line = re.sub(r"""([\w.-]+)(\s*=\s*)("[^"]*"|'[^']*')""", _inline, line)
            kept.append(line)
        return self.text("\n".join(kept) + "\n")

    def value(self, value: Any) -> Any:
        """Decoded JSON: the same shape, with masked values."""
        match value:
            case dict():
                return {self.text(str(key)): self._field(str(key), each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            case list():
                return [self.value(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
            case str():
                return self.text(value)
            case _:
                return value

    def _field(self, name: str, value: Any) -> Any:
        if name in _TABLES and isinstance(value, dict):
            return {str(key): MASK for key in value}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if isinstance(value, str) and value and _SECRET_NAME.search(name):
            return MASK
        return self.value(value)


def _inline(found: "re.Match[str]") -> str:
    return f'{found[1]}{found[2]}"{MASK}"' if _SECRET_NAME.search(found[1]) else found[0]


def without_words(event: dict[str, Any]) -> dict[str, Any]:
    """An event with the lengths of its words in their place."""
    kept = _KEPT_WORDS.get(str(event.get("event")), set())
    return {name: _length(value) if name in _WORDS and name not in kept else value for name, value in event.items()}


def _length(value: Any) -> Any:
    if isinstance(value, str):
        return f"[{len(value)} characters]"
    if isinstance(value, dict):
        return {str(key): _length(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return [_length(each) for each in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]


def evidence_zip(
    redactor: Redactor,
    documents: Mapping[str, Any],
    *,
    events: list[dict[str, Any]] | None = None,
    logs: Mapping[str, str] | None = None,
    config: str = "",
    has_words: bool = False,
) -> bytes:
    """The zip. `documents`: name -> what becomes NAME.json; `events`: decoded lines of the session, oldest first; `config`: the settings file."""
    shown = (events or [])[-EVENTS_MAX:]
    if not has_words:
        shown = [without_words(event) for event in shown]
    calls = [event for event in shown if str(event.get("event", "")).startswith("tool.") or event.get("event") == "permission.decision"]
    last_call = [event for event in calls if event.get("callId") == calls[-1].get("callId")] if calls else []
    facts = {
        "lastSeq": shown[-1].get("seq", 0) if shown else 0,
        "events": len(shown),
        "words": "included" if has_words else "left out: lengths only",
        "redacted": "secrets, credentials and the home folder; review it before you give it away",
    }
    files = {"about.json": facts, "last_tool_call.json": last_call, **{f"{name}.json": document for name, document in documents.items()}}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, document in files.items():
            bundle.writestr(name, msgspec.json.format(msgspec.json.encode(redactor.value(msgspec.to_builtins(document)))))
        bundle.writestr("events.jsonl", b"".join(msgspec.json.encode(redactor.value(event)) + b"\n" for event in shown))
        bundle.writestr("config.toml", redactor.toml(config))
        for name, text in (logs or {}).items():
            bundle.writestr(f"logs/{name}.log", redactor.text(text))
    return made.getvalue()
