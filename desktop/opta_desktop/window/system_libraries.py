"""Libraries of the system that Qt needs on Linux. Without one of them Qt ends the process, with words that name no package."""

import ctypes
import sys
from collections.abc import Callable

# The file -> the package of Debian and Ubuntu.
_ALWAYS = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libnss3.so": "libnss3",
    "libasound.so.2": "libasound2",
    "libdbus-1.so.3": "libdbus-1-3",
}
_X11 = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


def missing_packages(*, is_wayland: bool, loads: Callable[[str], object] = ctypes.CDLL, platform: str = sys.platform) -> list[str]:
    """The packages to install; [] on other systems than Linux. `loads` raises OSError for a library that is not there."""
    if platform != "linux":
        return []
    return [package for file, package in (_ALWAYS | ({} if is_wayland else _X11)).items() if not _is_loaded(file, loads)]


def _is_loaded(file: str, loads: Callable[[str], object]) -> bool:
    try:
        loads(file)
    except OSError:
        return False
    return True
