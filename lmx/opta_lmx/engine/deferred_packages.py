"""Packages whose tables of contents are made when something asks for them: `transformers` and `transformers.models`.

Both read every source file of every model architecture when they are imported, to know which name lies in which module. That takes
more than half of an engine's start, and loading a tokenizer uses three of these names.
"""

import contextlib
import importlib.util
import sys
import threading
from importlib.metadata import version
from types import ModuleType
from typing import Any

_PACKAGES = ("transformers", "transformers.models")
_loading = threading.RLock()


class DeferredPackage(ModuleType):
    """A package whose modules can be imported. Any name but those of `_from_its_module` makes it import itself completely."""

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
    """A name that mlx-lm imports from `transformers`, from its module; None for any other, and in a version that has it elsewhere."""
    value: Any = None
    with contextlib.suppress(ImportError):
        match name:
            case "AutoTokenizer":
                from transformers.models.auto.tokenization_auto import AutoTokenizer as value
            case "PreTrainedTokenizer":
                from transformers.tokenization_python import PreTrainedTokenizer as value
            case "PreTrainedTokenizerFast":
                from transformers.tokenization_utils_tokenizers import PreTrainedTokenizerFast as value
            case _:
                pass
    return value


def _complete(name: str) -> ModuleType:
    """The real package. Modules that were imported before stay the same objects."""
    with _loading:
        if isinstance(sys.modules[name], DeferredPackage):
            for each in _PACKAGES:
                del sys.modules[each]
            import transformers.models

            assert not isinstance(transformers.models, DeferredPackage)
        return sys.modules[name]
