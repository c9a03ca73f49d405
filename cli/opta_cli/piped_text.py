"""Text that is piped into a command: read whole, checked, and said when it takes long to come."""

import os
import select
import stat
import sys

from opta_core.errors import Refused

SAY_AFTER_S = 2.0
# What the daemon takes as one prompt, with room for the rest of the request.
PROMPT_BYTES_MAX = 900_000


def is_piped() -> bool:
    """Whether standard input is a file, a pipe or a socket, and no terminal. Nothing (/dev/null) is none of these."""
    mode = os.fstat(0).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def read_text() -> str:
    """The whole of standard input when it is piped, else ''. Raises Refused for what is no text, or too long for a prompt."""
    if not is_piped():
        return ""
    content = bytearray()
    is_said = False
    while True:
        if not is_said and not select.select([0], [], [], SAY_AFTER_S)[0]:
            is_said = True
            print("opta: reading standard input … (not wanted: start it with </dev/null)", file=sys.stderr, flush=True)
        piece = os.read(0, 1 << 20)
        if not piece:
            break
        content += piece
        if len(content) > PROMPT_BYTES_MAX:
            raise Refused(
                f"Standard input has more than {PROMPT_BYTES_MAX // 1000} kB, which is too much for a prompt. Send it as a file: --attach FILE, "
                "or name it in the prompt: @path."
            )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Refused(
            f"Standard input is not UTF-8 text: byte 0x{content[error.start]:02x} at {error.start}. Convert it (iconv -t utf-8), or send a file: --attach FILE."
        ) from None


def checked_prompt(text: str) -> str:
    """A prompt from arguments. Raises Refused when a character of it cannot be sent, or when it is too long."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Refused("The prompt is not UTF-8 text: the terminal or the script sends another encoding.") from None
    if size > PROMPT_BYTES_MAX:
        raise Refused(f"The prompt has {size // 1000} kB; the most is {PROMPT_BYTES_MAX // 1000} kB. Send it as a file: --attach FILE.")
    return text
