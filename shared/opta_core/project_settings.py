"""What a project's `.opta/config.toml` sets: how models sample and think, names for the user's models, and nothing that decides where a key goes.

The file belongs to whoever wrote the repository. It is opened without following a link, is small, and its content is never shown.
"""

import os
import stat
import tomllib

import msgspec

from .errors import Refused
from .provider_settings import ModelSettings, ProjectSettings, check_budget, check_models, check_sampling

BYTES_MAX = 64 * 1024
NONE = ProjectSettings()
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read(cwd: str) -> ProjectSettings:
    """The settings of the project at `cwd`; none without a file. Raises Refused, which names the key and shows no value."""
    content = _content(cwd)
    if content is None:
        return NONE
    try:
        found = msgspec.convert(tomllib.loads(content.decode()), ProjectSettings)
        check_models(found.models)
        for name, provider in found.providers.items():
            check_sampling(provider.options, f"providers.{name}.options")
        check_budget(found.thinking_budget or 0, "thinking-budget")
    except msgspec.ValidationError as error:
        raise Refused(
            f".opta/config.toml of this project is ignored: {error}. A project may set thinking, thinking-budget, aliases, models.NAME.… "
            "and providers.NAME.options.…"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(".opta/config.toml of this project is ignored: it is not valid TOML.") from error
    except Refused as error:
        raise Refused(f".opta/config.toml of this project is ignored: {error.message}") from error
    return found


def _content(cwd: str) -> bytes | None:
    try:
        folder = os.open(f"{cwd}/.opta", _FLAGS | os.O_DIRECTORY)
    except (OSError, ValueError):
        return None
    try:
        descriptor = os.open("config.toml", _FLAGS, dir_fd=folder)
    except OSError:
        return None
    finally:
        os.close(folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        content = os.read(descriptor, BYTES_MAX + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    if len(content) > BYTES_MAX:
        raise Refused(f".opta/config.toml of this project is ignored: it is larger than {BYTES_MAX // 1024} KiB.")
    return content


def of_model(models: dict[str, ModelSettings], provider: str, model: str) -> list[ModelSettings]:
    """What is set for a model, what counts more last: by its name, and by its name at one provider."""
    return [models[key] for key in (model, f"{provider}/{model}") if key in models]
