"""The models of LMX and of this machine as lines of text."""

from opta_protocol.lmx import LmxCatalog, LmxFound, LmxModelDetails

from ..plain_text import print_plain


def print_models(served: list[LmxModelDetails], catalog: LmxCatalog, default: str) -> None:
    """Models that LMX serves, then those that it cannot serve as they are, each with the reason, then folders that cannot be read."""
    details = {model.id: model for model in served}
    found = {model.id: model for model in catalog.models}
    for name in dict.fromkeys([*details, *(model.id for model in catalog.models if model.runnable)]):
        _print_served(name, details.get(name), found.get(name), default)
    others = [model for model in catalog.models if not model.runnable and model.id not in details]
    if others:
        print_plain("On this machine, not usable as they are:")
    for model in others:
        print_plain(f"  {model.id:34} {size_text(model.bytes):>9}  {description(model)}")
        print_plain(f"    {model.problem}")
    for line in catalog.problems:
        print_plain(f"! {line}")


def description(model: LmxFound) -> str:
    """What a model is, in a few words: architecture, quantisation, context, licence, and which program has it."""
    context = f"{model.context_length} tokens" if model.context_length else ""
    words = [model.architecture, model.quantisation, context, model.licence, model.origin]
    return ", ".join(word for word in words if word)


def size_text(size: float) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _print_served(name: str, model: LmxModelDetails | None, found: LmxFound | None, default: str) -> None:
    size = (model.memory or model.bytes) if model else found.bytes if found else 0
    context = model.context_length if model else found.context_length if found else 0
    notes = [*([model.state] if model else []), *(["default"] if default in (name, f"lmx/{name}") else [])]
    notes += ["pinned"] if model and model.pinned else []
    notes += ["sees pictures"] if model and model.vision else []
    known = model or found
    notes += (
        [word for word in (known.capability, known.licence, known.architecture, known.quantisation, known.origin) if word] if known else []
    )
    print_plain(f"lmx/{name:32} {size_text(size):>9}  {context:>7} tokens  {', '.join(notes)}")
    if model and model.problem:
        print_plain(f"    {model.problem}")
    elif found and found.problem:
        print_plain(f"    {found.problem}")
    for path in found.also if found else []:
        print_plain(f"    another model of this name, not used: {path}")
