"""Files for turns: uploaded first, then named in a turn's `attachments`."""

import asyncio

from opta_core import attachments, image_file
from opta_core.attachments import AttachmentFolder
from opta_core.errors import OptaError, Refused
from opta_core.paths import Paths
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import Attachment

from ..endpoint import GatewayOf, TypedRouter, text, upload
from ..upload import Upload

routes = TypedRouter()


@routes.post("/v3/attachments", status_code=201)
async def add_attachment(gateway: GatewayOf, name: str = text("name"), given: Upload = upload()) -> Attachment:
    """Store an image (PNG, JPEG, GIF, WebP) or a text of at most 16 MiB: it is on the disk before the answer. `?name=` says what it is called.

    The body is the file, or a form with one file. The type is checked by its content.
    """
    return await asyncio.to_thread(_stored, gateway.loaded.paths, given.content, name or given.name)


def _stored(paths: Paths, content: bytes, name: str) -> Attachment:
    if len(content) > attachments.BYTES_MAX:
        raise OptaError(f"The file has {len(content)} bytes; the most is {attachments.BYTES_MAX}.", code=ErrorCode.too_large)
    if paths.is_read_only:
        raise Refused("The home cannot be written, so no file can be kept.", code=ErrorCode.storage_full)
    stored = AttachmentFolder(paths.attachments).store(content, name)
    image = image_file.read(content)
    return Attachment(
        id=stored,
        name=attachments.title(stored),
        type=attachments.media_type(stored),
        bytes=len(content),
        width=image.width if image else 0,
        height=image.height if image else 0,
    )
