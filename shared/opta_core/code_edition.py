"""Names the code that this process runs, so that what one edition of it has reduced from a journal is never read by another."""

import functools
import hashlib
import os
import time
from pathlib import Path

import opta_protocol

from .logs import Log

# Files that changed after this moment are not the code that runs here.
_STARTED_S = time.time()

log = Log("edition")


@functools.cache
def code_edition(package: Path) -> str:
    """A digest of the sources of `opta_core`, `opta_protocol` and `package`; '' when they are not known to be the code that runs.

    The version does not suffice: a checkout changes between two versions.
    """
    digest = hashlib.sha256()
    folders = (Path(__file__).parent, Path(opta_protocol.__file__ or "").parent, package)
    try:
        for file in (file for folder in folders for file in sorted(folder.rglob("*.py"))):
            with open(file, "rb") as source:
                # The time at which the file got its content here; unlike the time of its change, no copy or archive sets it.
                if os.fstat(source.fileno()).st_ctime >= _STARTED_S:
                    log.info("the code has changed since this process started; nothing is kept beside journals", file=file.name)
                    return ""
                content = source.read()
            digest.update(b"%b %d\n" % (os.fsencode(file.name), len(content)))
            digest.update(content)
    except OSError as error:
        log.warning("the code cannot be read; nothing is kept beside journals", reason=error)
        return ""
    return digest.hexdigest()
