"""Images of a session's turns in its prompts, as data URLs in OpenAI's form; other providers translate that form.

The newest images that fit are sent with every request, in the messages that they were attached to. A model that is known to be blind gets
their names alone. Where that is not known, a server that refuses them is asked again without them, and not sent the same ones again.
"""

import asyncio
import base64
import threading
from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from opta_core.attachments import AttachmentFolder, media_type

# Of all images in one prompt.
BYTES_MAX, COUNT_MAX = 20 * 1024 * 1024, 20
# Encoded images that stay in memory between requests.
CACHE_BYTES_MAX = 64 * 1024 * 1024
# What an image takes of a context, about.
TOKENS_EACH = 1000


class Images:
    """Reads and encodes images. `refused`: (provider, model, image) that a server would not take."""

    def __init__(self, folder: AttachmentFolder):
        self._folder = folder
        self._encoded: OrderedDict[str, bytes] = OrderedDict()
        self._reading = threading.Lock()
        self.refused: set[tuple[str, str, str]] = set()

    async def encoded(self, names: Iterable[str], provider: str, model: str) -> dict[str, bytes]:
        """Image -> its part of a message's content, for the newest that fit and that the server did not refuse. `names`: oldest first."""
        wanted = [name for name in dict.fromkeys(reversed(list(names))) if (provider, model, name) not in self.refused]
        return await asyncio.to_thread(self._fitting, wanted) if wanted else {}

    def _fitting(self, newest_first: list[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        left = BYTES_MAX
        with self._reading:
            for name in newest_first[:COUNT_MAX]:
                left -= max(0, self._folder.size(name))
                if left < 0:
                    break
                if part := self._part(name):
                    found[name] = part
        return found

    def _part(self, name: str) -> bytes:
        """The encoded part; b'' for an image that is not kept any more."""
        if name not in self._encoded:
            content = self._folder.read(name)
            if content is None:
                return b""
            url = f"data:{media_type(name)};base64,{base64.b64encode(content).decode()}"
            self._encoded[name] = msgspec.json.encode({"type": "image_url", "image_url": {"url": url}})
            while sum(map(len, self._encoded.values())) > CACHE_BYTES_MAX and len(self._encoded) > 1:
                self._encoded.popitem(last=False)
            return self._encoded.get(name) or b""
        self._encoded.move_to_end(name)
        return self._encoded[name]
