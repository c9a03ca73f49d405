"""Pictures as clients send them: checked, and decoded with Pillow. Nothing of them is fetched, and nothing is written."""

import base64
import binascii
import hashlib
import io
import warnings
from typing import Any

from PIL import Image, ImageOps

from ...ipc.messages import PictureFile

# Of one picture, and of all pictures of a request.
PIXELS_MAX, PIXELS_IN_ALL_MAX = 64_000_000, 200_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


class PictureRefusal(Exception):
    """A picture that cannot be used; the message names it."""


def check(pictures: list[PictureFile]) -> list[str]:
    """Decode each picture once; returns a name of the content of each. Raises PictureRefusal."""
    pixels = 0
    names: list[str] = []
    for number, picture in enumerate(pictures):
        image = decoded(picture, number)
        pixels += image.width * image.height
        if pixels > PIXELS_IN_ALL_MAX:
            raise PictureRefusal(
                f"{_named(picture, number)}: the pictures of a request have at most {PIXELS_IN_ALL_MAX // 10**6} million pixels."
            )
        names.append(hashlib.sha256(picture.data.encode()).hexdigest())
    return names


def decoded(picture: PictureFile, number: int) -> Any:
    """The picture in RGB, upright. `number`: in its request, from 0. Of an animation, its first image. Raises PictureRefusal."""
    try:
        content = base64.b64decode(picture.data, validate=True)
    except (binascii.Error, ValueError):
        raise PictureRefusal(f"{_named(picture, number)} is not valid base64.") from None
    # The limit below is ours; Pillow's own would warn of a part of what it admits.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
            if image.width * image.height > PIXELS_MAX:
                size = f"{image.width} x {image.height} pixels"
                raise PictureRefusal(f"{_named(picture, number)} has {size}; at most {PIXELS_MAX // 10**6} million are taken.")
            return ImageOps.exif_transpose(image).convert("RGB")
    except PictureRefusal:
        raise
    except Exception as error:  # decoders raise what they like on broken content
        reason = "it is no PNG, JPEG, WebP or GIF" if "cannot identify" in str(error) else str(error)
        raise PictureRefusal(f"{_named(picture, number)} cannot be read: {reason}.") from None


def _named(picture: PictureFile, number: int) -> str:
    return f"Field '{picture.where}': picture {number + 1} of the request"
