"""The output of a command: streamed as it arrives, kept in memory up to a limit, and written to a spill file when it is long."""

import codecs
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from opta_core.logs import Log

KEPT_BYTES_MAX = 1024 * 1024
CONTENT_BYTES_MAX = 16 * 1024
SPILL_BYTES_MAX = 64 * 1024 * 1024
log = Log("output")
# Colours and cursor movements (ECMA-48) are useful on a terminal and not to a model.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]")


class Output:
    """`on_text` receives new output; `spill` is the file for output that is longer than a model should read at once."""

    def __init__(self, on_text: Callable[[str], None], spill: Path | None = None):
        self._on_text, self._spill_file = on_text, spill
        self._kept = bytearray()
        self._unsent = bytearray()
        self._total = 0
        self._breaks = 0
        self._streamed = 0
        self._spill: int | None = None
        # Keeps the first bytes of a character until the rest has arrived.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    @property
    def total(self) -> int:
        """Bytes printed so far."""
        return self._total

    @property
    def lines(self) -> int:
        """Lines printed so far; the last one may have no end yet."""
        return self._breaks + (bool(self._kept) and not self._kept.endswith(b"\n"))

    @property
    def spill(self) -> Path | None:
        """The file with the complete output; None while `content` shows all of it."""
        return self._spill_file if self._spill is not None else None

    def add(self, chunk: bytes) -> None:
        """Add bytes that were read from the pipe."""
        free = max(0, KEPT_BYTES_MAX - len(self._kept))
        self._kept += chunk[:free]
        self._unsent += chunk[: max(0, KEPT_BYTES_MAX - self._streamed)]
        self._streamed += min(len(chunk), max(0, KEPT_BYTES_MAX - self._streamed))
        if free < len(chunk):
            # Beyond the limit, keep the beginning and the newest end.
            self._kept = (
                bytearray(self._kept[: KEPT_BYTES_MAX // 2]) + (self._kept[KEPT_BYTES_MAX // 2 :] + chunk[free:])[-KEPT_BYTES_MAX // 2 :]
            )
        self._total += len(chunk)
        self._breaks += chunk.count(b"\n")
        if self._spill_file is not None and self._total > CONTENT_BYTES_MAX:
            self._write_spill(chunk)

    def flush(self) -> None:
        """Pass on the output that has not been passed on."""
        if self._unsent:
            text = self._decoder.decode(bytes(self._unsent))
            self._unsent.clear()
            if text:
                self._on_text(text)

    def content(self, since: int = 0) -> tuple[str, bool]:
        """(the output after byte `since` as a model reads it, whether a part is left out)."""
        kept, missing = self._since(since)
        if len(kept) > CONTENT_BYTES_MAX or missing:
            half = CONTENT_BYTES_MAX // 2
            left_out = max(0, len(kept) - CONTENT_BYTES_MAX) + missing
            kept = kept[:half] + f"\n… {left_out} bytes left out …\n".encode() + kept[-half:]
            return plain(kept), True
        return plain(kept), False

    def whole(self, since: int = 0) -> str:
        """The output after byte `since`, as far as it is kept in memory."""
        kept, missing = self._since(since)
        if missing:
            begin = max(0, KEPT_BYTES_MAX // 2 - since)
            kept = kept[:begin] + f"\n… {missing} bytes left out …\n".encode() + kept[begin:]
        return plain(kept)

    def begin_with(self, line: str) -> None:
        """Put a line before the complete output in its file, which then holds the result as a model reads it, without notes."""
        spill = self.spill
        if spill is None:
            return
        part = spill.with_suffix(".part")
        try:
            descriptor = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with spill.open("rb") as source, os.fdopen(descriptor, "wb") as target:
                target.write(line.encode(errors="replace") + b"\n")
                shutil.copyfileobj(source, target, 1024 * 1024)
            part.rename(spill)
        except OSError as error:
            log.warning("the reason of an end is missing in a long output", file=spill, reason=error)

    def _since(self, since: int) -> tuple[bytes, int]:
        """(the bytes after byte `since` that are kept, how many are missing among them)."""
        kept = bytes(self._kept)
        # Bytes may have been dropped from the middle, so the offset is counted from the end.
        kept = kept[max(0, len(kept) - (self._total - since)) :] if since else kept
        return kept, self._total - since - len(kept)

    def close(self) -> None:
        """Pass on the rest and close the spill file."""
        self.flush()
        if self._spill is not None:
            os.close(self._spill)
            self._spill = -1

    def _write_spill(self, chunk: bytes) -> None:
        assert self._spill_file is not None
        try:
            if self._spill is None:
                self._spill_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._spill = os.open(self._spill_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
                chunk = bytes(self._kept)
            free = SPILL_BYTES_MAX - (self._total - len(chunk))
            if free > 0 and self._spill >= 0:
                os.write(self._spill, chunk[:free])
        except OSError as error:
            # The command continues, and its output is shown as far as it is kept in memory.
            log.warning("long output not kept in a file", file=self._spill_file, reason=error)
            self._spill_file = None


def plain(output: bytes) -> str:
    """Output as text without escape sequences and final line breaks. Of a line with carriage returns, the last version is kept."""
    text = _ESCAPES.sub("", output.decode(errors="replace")).replace("\r\n", "\n")
    return "\n".join(line.rsplit("\r", 1)[-1] if not line.endswith("\r") else line.rstrip("\r") for line in text.split("\n")).rstrip("\n")
