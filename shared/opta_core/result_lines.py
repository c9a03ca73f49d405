"""The lines by which a long result is read: the agent that cuts a result and the worker that reads on in it count the same ones.

A result may be one line of a megabyte, so a line of more than LINE_CHARS_MAX characters counts as several.
"""

import re

LINE_CHARS_MAX = 400
# A result of more characters is kept by the worker, and may be cut by the agent.
KEPT_CHARS_MIN = 400
_LINE = re.compile(rf"[^\n]{{1,{LINE_CHARS_MAX}}}\n?|\n")


def line_ends(text: str) -> list[int]:
    """Where each line of a text ends, its line break included: the first line is `text[: line_ends(text)[0]]`."""
    return [match.end() for match in _LINE.finditer(text)]
