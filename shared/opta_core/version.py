"""The version of this installation."""

from importlib.metadata import PackageNotFoundError, version


def _installed() -> str:
    try:
        return version("opta")
    except PackageNotFoundError:
        return "0+unknown"


VERSION = _installed()
