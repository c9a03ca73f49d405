"""Packages whose tables of contents are made when something asks for them: `transformers` and `transformers.models`.

Both read every source file of every model architecture when they are imported, to know which name lies in which module. That takes
more than half of an engine's start, and loading a tokenizer uses three of these names.
"""

import importlib
import importlib.util
import sys
import threading
from importlib.metadata import version
from types import ModuleType
from typing import Any

# The names that mlx-lm imports from the package, and their modules.
_MODULES = {
    "AutoTokenizer": "transformers.models.auto.tokenization_auto",
    "PreTrainedTokenizer": "transformers.tokenization_python",
    "PreTrainedTokenizerFast": "transformers.tokenization_utils_tokenizers",
}
_PACKAGES = ("transformers", "transformers.models")
_loading = threading.RLock()


class DeferredPackage(ModuleType):
    """A package whose modules can be imported. Any name that is not in `_MODULES` makes it import itself completely."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = _from_its_module(name) if self.__name__ == "transformers" else None
        if value is None:
            value = getattr(_complete(self.__name__), name)
        setattr(self, name, value)
        return value


def defer() -> None:
    """Put the deferred packages in place of the real ones. Does nothing when `transformers` is imported already, or is missing."""
    if "transformers" in sys.modules or importlib.util.find_spec("transformers") is None:
        return
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.submodule_search_locations is not None
        package = DeferredPackage(name)
        package.__spec__, package.__loader__, package.__package__ = spec, spec.loader, name
        package.__file__, package.__path__ = spec.origin, list(spec.submodule_search_locations)
        sys.modules[name] = package
    sys.modules["transformers"].__dict__.update(__version__=version("transformers"), models=sys.modules["transformers.models"])


def _from_its_module(name: str) -> Any:
    """A name of `_MODULES`; None for any other, and in a version of the package that has it elsewhere."""
    try:
        return getattr(importlib.import_module(_MODULES[name]), name, None)
    except (KeyError, ModuleNotFoundError):
        return None


def _complete(name: str) -> ModuleType:
    """The real package. Modules that were imported before stay the same objects."""
    with _loading:
        if isinstance(sys.modules[name], DeferredPackage):
            for each in _PACKAGES:
                del sys.modules[each]
            for each in _PACKAGES:
                importlib.import_module(each)
        return sys.modules[name]
