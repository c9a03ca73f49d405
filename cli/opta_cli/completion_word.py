"""What is being completed in a message: a command at its beginning, or a path behind an @. The page's `word_at.ts` does the same."""

import re
from typing import Literal, NamedTuple

# A longer word is no name and no path that anybody types.
CHARS_MAX = 400
# As the daemon finds a reference: not behind a letter, as in an e-mail address, and to the end of a quote.
_REFERENCE = re.compile(
    r"(?:^|[^A-Za-z0-9_@/.\\+-])(?P<mark>@)(?:\"(?P<double>[^\"\n]*)|'(?P<single>[^'\n]*)|(?P<bare>(?:\\ |[^\s\"'`<>|*@])*))\Z"
)
# What needs no quotes: nothing that the daemon reads as the end of a sentence, as lines, or as code.
_PLAIN = re.compile(r"[\w./+-]*[\w/+-]")


class CompletedWord(NamedTuple):
    """`begins`: characters of the message before it."""

    kind: Literal["command", "file"]
    begins: int
    query: str


def word_at(text: str) -> CompletedWord | None:
    """The word at the end of a text that can be completed."""
    if text.startswith("/") and len(text) <= CHARS_MAX and re.fullmatch(r"/[\w-]*", text):
        return CompletedWord("command", 0, text[1:])
    line = text[-CHARS_MAX:].rsplit("\n", 1)[-1]
    found = _REFERENCE.search(line)
    if found is None or line.count("`") % 2:
        return None
    query = next((found[name] for name in ("double", "single") if found[name] is not None), None)
    begins = len(text) - len(line) + found.start("mark")
    return CompletedWord("file", begins, query if query is not None else (found["bare"] or "").replace("\\ ", " "))


def reference(path: str, *, is_folder: bool) -> str:
    """A path as the daemon reads it behind an @; '' for one that it cannot read."""
    whole = f"{path}/" if is_folder else path
    if _PLAIN.fullmatch(whole):
        return f"@{whole}"
    if "\n" in whole or ('"' in whole and "'" in whole):
        return ""
    return f"@'{whole}'" if '"' in whole else f'@"{whole}"'
