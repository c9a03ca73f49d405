"""The name under which a download is saved: in the Downloads folder, and never over a file that exists."""

import re
import unicodedata
from pathlib import Path

NAME_CHARS_MAX = 120
NUMBERS_MAX = 1_000
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')


def free_name(folder: Path, wanted: str) -> str:
    """A name for a new file in `folder`: the wanted one, or with a number. Raises FileExistsError when a thousand of them exist."""
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", wanted)).strip(" .")[-NAME_CHARS_MAX:] or "opta-export"
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in range(NUMBERS_MAX):
        tried = f"{stem} ({number}){suffix}" if number else name
        if not (folder / tried).exists() and not (folder / tried).is_symlink():
            return tried
    raise FileExistsError(f"{folder / name} and {NUMBERS_MAX} numbered files of that name exist.")
