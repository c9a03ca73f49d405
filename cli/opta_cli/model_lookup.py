"""One resolver for the names of models: what a person types, as the daemon and LMX call it.

A name is taken as `provider/model` when its head is a known provider, with or without that head, and as an alias of the settings.
"""

from typing import Any

from opta_core.errors import Refused
from opta_core.settings import Settings

from .cli_command import nearest

LMX = "lmx"


def resolve(name: str, known: list[str], settings: Settings) -> str:
    """The whole name (`provider/model`) of a model. `known`: the whole names of all models.

    Raises Refused when there is none, or when several providers have a model of this name.
    """
    name = settings.aliases.get(name, name)
    if name in known:
        return name
    found = [each for each in known if each.partition("/")[2] in (name, f"{name}:latest")]
    head, _, rest = name.partition("/")
    if not found and head in settings.providers and rest:
        # Some servers have models that they do not list.
        return name
    lmx = [each for each in found if each.startswith(f"{LMX}/")]
    if len(found) == 1 or lmx:
        return (lmx or found)[0]
    if found:
        raise Refused(f"Several providers have a model {name!r}: {', '.join(found)}. Name one of them.")
    hint = nearest(name, [*known, *(each.partition("/")[2] for each in known)])
    raise Refused(f"There is no model {name!r}.{hint} `opta models list` shows the models. Fetch one: opta models pull OWNER/NAME")


def of_daemon(client: Any, settings: Settings, name: str) -> str:
    """The whole name of a model of a running daemon. Raises Refused."""
    return resolve(name, [str(model["id"]) for model in client.get("/v3/models")["models"]], settings)


def of_lmx(name: str, settings: Settings) -> str:
    """The name by which LMX itself knows a model, from either spelling. Raises Refused for a model of another provider."""
    name = settings.aliases.get(name, name)
    head, _, rest = name.partition("/")
    if head in settings.providers and head != LMX:
        raise Refused(f"{name} is a model of the provider {head}; only models of LMX can be loaded, unloaded and measured.")
    return rest if head == LMX and rest else name
