"""The version of this installation."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("opta")
except PackageNotFoundError:
    VERSION = "0+unknown"
