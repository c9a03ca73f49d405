"""Pictures in requests: data URLs and base64. No address is ever fetched, and no file read."""

import re
import urllib.parse
from typing import Any

from opta_core.errors import Refused

from ..ipc.messages import Picture, PictureFile
from ..json_values import as_object
from .request_body import Ignored

# Of one request; the engine has so many marks for them. Of one picture, decoded from base64.
PICTURES_MAX, PICTURE_BYTES_MAX = 32, 20 * 1024 * 1024
KINDS = ("image", "image_url", "input_image", "computer_screenshot")
_MEDIA = ("png", "jpeg", "jpg", "webp", "gif")
_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*(;base64)?,", re.IGNORECASE)
_HERE = "Send it as a data URL (data:image/png;base64,...); LMX fetches nothing"


def picture_of(where: str, part: dict[str, Any], found: Ignored) -> Picture:
    """The place of the picture of a part, whose content is added to `found`. Raises Refused naming `where`."""
    source = as_object(part.get("source")) or {}
    given = part.get("image_url") or source.get("url") or part.get("url") or part.get("image")
    given = (as_object(given) or {}).get("url", given)
    if isinstance(data := source.get("data", part.get("data")), str):
        return add_picture(where, data, found, media=source.get("media_type") or part.get("mimeType") or part.get("media_type"))
    if isinstance(given, str) and given[:5].lower() == "data:":
        head = _URL.match(given[:300])
        if head is None or not head.group(2):
            raise Refused(f"Field '{where}': the data URL of a picture is in base64 (data:image/png;base64,...).")
        data = given[head.end() :]
        return add_picture(where, urllib.parse.unquote(data) if "%" in data else data, found, media=head.group(1))
    if "file_id" in part or source.get("type") == "file":
        raise Refused(f"Field '{where}': the picture is a stored file, and LMX stores none. {_HERE}.")
    if isinstance(given, str) and given:
        raise Refused(f"Field '{where}': the picture is an address ({given[:60]!r}). {_HERE}.")
    raise Refused(f"Field '{where}': the picture has no content. {_HERE}.")


def add_picture(where: str, data: str, found: Ignored, media: Any = None) -> Picture:
    """The place of a picture that came as base64. Raises Refused naming `where`."""
    if media is not None and (not isinstance(media, str) or media.lower() not in {f"image/{name}" for name in _MEDIA}):
        raise Refused(f"Field '{where}': a picture is PNG, JPEG, WebP or GIF, not {str(media)[:40]!r}.")
    if len(found.pictures) == PICTURES_MAX:
        raise Refused(f"Field '{where}': a request has at most {PICTURES_MAX} pictures.")
    data = "".join(data.split()).translate({ord("-"): "+", ord("_"): "/"})
    data += "=" * (-len(data) % 4)
    if not data:
        raise Refused(f"Field '{where}': the picture has no content. {_HERE}.")
    if len(data) > PICTURE_BYTES_MAX * 4 // 3 + 4:
        raise Refused(f"Field '{where}': a picture has at most {PICTURE_BYTES_MAX // 1024**2} MiB.")
    found.pictures.append(PictureFile(where=where, data=data))
    return Picture(len(found.pictures) - 1)
