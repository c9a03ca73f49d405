"""opta lmx use-with CLIENT: prints the configuration by which another client uses LMX, or writes it, after a question and with a backup."""

import difflib
import stat
from pathlib import Path

from opta_core.errors import OptaError, Refused
from opta_core.paths import write_whole
from opta_core.settings import LoadedSettings
from opta_protocol.lmx import LmxModel, LmxModelList

from .client import ask, endpoint_here
from .client_configs import KEY_VARIABLE, ClientConfig, LmxTarget

CONTEXT_UNKNOWN, ASK_S = 32_768, 5.0
FILE_BYTES_MAX = 4 * 1024 * 1024


def target_of(loaded: LoadedSettings, model: str) -> LmxTarget:
    """The LMX of these settings with the model that is asked for, or its default one. It need not run. Raises Refused: no such model."""
    endpoint = endpoint_here(loaded)
    try:
        known: list[LmxModel] = [*ask(loaded, "GET", "/v1/models", LmxModelList, timeout_s=ASK_S).data]
    except OptaError:
        known = []
    wanted = model.removeprefix("lmx/") or next((each.id for each in known if each.default), loaded.settings.lmx.model)
    found = next((each for each in known if each.id == wanted), None)
    if known and found is None:
        raise Refused(f"There is no model {wanted!r} at {endpoint.root}. Its models: {', '.join(each.id for each in known)}")
    context = found.context_length if found else 0
    return LmxTarget(
        root=endpoint.root,
        model=wanted,
        context=context or CONTEXT_UNKNOWN,
        needs_key=bool(endpoint.certificate),
        certificate=endpoint.certificate,
    )


def explained(client: str, config: ClientConfig, target: LmxTarget) -> str:
    """What a person puts where."""
    lines = [f"In {config.file}:", "", config.snippet.rstrip(), "", *notes_of(config, target)]
    return "\n".join([*lines, f"To have it written: opta lmx use-with {client} --write"])


def notes_of(config: ClientConfig, target: LmxTarget) -> list[str]:
    """What else is needed for it to work."""
    notes = list(config.notes)
    if target.needs_key:
        notes.append(
            f"LMX needs a key there: opta lmx keys add CLIENT on that machine, then export {KEY_VARIABLE}=… where the client starts."
        )
        notes.append(f"Its certificate is its own. Clients of Node trust it with: export NODE_EXTRA_CA_CERTS={target.certificate}")
    return notes


def change_of(config: ClientConfig) -> tuple[str, str]:
    """(the file's text, its text with the configuration); '' for a file that is absent. Raises Refused: it cannot be changed safely."""
    file = config.file.resolve()
    text = ""
    try:
        if not stat.S_ISREG(file.stat().st_mode) or file.stat().st_size > FILE_BYTES_MAX:
            raise Refused(f"{config.file} is not a plain file of a few MB.")
        with file.open(newline="") as opened:
            text = opened.read()
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{config.file} cannot be read ({error}).") from error
    try:
        return text, config.edit(text)
    except Refused as error:
        raise Refused(f"{config.file} is left as it is: {error.message}. Add this by hand:\n\n{config.snippet}") from error


def difference(file: Path, old: str, new: str) -> str:
    """The change as a unified diff."""
    return "".join(difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), str(file), f"{file} (new)"))


def write(config: ClientConfig, old: str, new: str) -> Path | None:
    """Write the new text, unless the file changed meanwhile; returns the backup of the old one, None when there was no file. Raises Refused."""
    file = config.file.resolve()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        mode, backup = 0o600, None
        if file.exists():
            with file.open(newline="") as opened:
                if opened.read() != old:
                    raise Refused(f"{config.file} was changed meanwhile. Run the command again.")
            mode = stat.S_IMODE(file.stat().st_mode)
            backup = _free(file)
            write_whole(backup, old.encode())
            backup.chmod(mode)
        write_whole(file, new.encode())
        file.chmod(mode)
    except OSError as error:
        raise Refused(f"{config.file} cannot be written ({error}).") from error
    return backup


def _free(file: Path) -> Path:
    """A name for a backup that is not taken."""
    names = (file.with_name(f"{file.name}.before-opta{number or ''}") for number in range(1000))
    return next(name for name in names if not name.exists())
