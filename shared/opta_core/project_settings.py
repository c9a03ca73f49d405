"""What a project's `.opta/config.toml` sets: how models sample and think, names for the user's models, and nothing that decides where a key goes.

The file belongs to whoever wrote the repository. It is opened without following a link, is small, and its content is never shown.
"""

import os
import stat
import tomllib

import msgspec

from .diagnostics_settings import CheckCommand, read_commands
from .errors import OptaError, Refused
from .paths import Paths
from .policy import trust
from .provider_settings import ModelSettings, ProjectSettings, check_budget, check_models, check_sampling

FILE = ".opta/config.toml"
BYTES_MAX = 64 * 1024
NONE = ProjectSettings()
# Threads that meet a class for the first time in the same moment end the process (see `opta_core.settings`).
msgspec.json.Decoder(ProjectSettings)
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read(cwd: str) -> ProjectSettings:
    """The settings of the project at `cwd`; none without a file. Raises Refused, which names the key and shows no value."""
    content = _content(cwd)
    return NONE if content is None else parse(content)


def parse(content: bytes) -> ProjectSettings:
    """The settings in the content of the file. Raises Refused, which names the key and shows no value."""
    if len(content) > BYTES_MAX:
        raise Refused(f".opta/config.toml of this project is ignored: it is larger than {BYTES_MAX // 1024} KiB.")
    try:
        found = msgspec.convert(tomllib.loads(content.decode()), ProjectSettings)
        check_models(found.models)
        for name, provider in found.providers.items():
            check_sampling(provider.options, f"providers.{name}.options")
        check_budget(found.thinking_budget or 0, "thinking-budget")
        _check_commands(found)
    except msgspec.ValidationError as error:
        raise Refused(
            f".opta/config.toml of this project is ignored: {error}. A project may set thinking, thinking-budget, aliases, models.NAME.…, "
            "providers.NAME.options.… and diagnostics.commands"
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
    return content


def _check_commands(found: ProjectSettings) -> None:
    try:
        read_commands(found.diagnostics.commands)
    except Refused:
        raise Refused('diagnostics.commands must hold at most 16 entries such as "*.py: mypy {path}"') from None


def trusted_commands(paths: Paths, cwd: str) -> tuple[bool, list[CheckCommand]]:
    """(whether the user trusts a folder, the diagnostics.commands of its project). They are read from the bytes that were approved.

    Reads files. Never raises: what cannot be read is not used.
    """
    try:
        snapshot = trust.trusted(paths, cwd)
    except OptaError:
        snapshot = None
    if snapshot is None:
        return False, []
    try:
        content = snapshot.contents.get(FILE)
        return True, [] if content is None else read_commands(parse(content).diagnostics.commands)
    except Refused:
        return True, []


def of_model(models: dict[str, ModelSettings], provider: str, model: str) -> list[ModelSettings]:
    """What is set for a model, what counts more last: by its name, and by its name at one provider."""
    return [models[key] for key in (model, f"{provider}/{model}") if key in models]
