"""Every model on this machine: one catalog over our folder and the folders of other programs."""

from pathlib import Path

from opta_protocol.lmx import LmxCatalog

from ..model_catalog import PROBE
from . import folder_tree, huggingface_cache, ollama_store
from .findings import BUILT_IN, MODELS_FOLDER, Findings
from .sources import Source


def find_all(folder: Path, sources: list[Source]) -> Findings:
    """Look at our folder, then at the sources in their order. The first model of a name gets it; the others are named in `also`."""
    findings = Findings()
    findings.add_folder("probe", PROBE, BUILT_IN)
    folder_tree.find(findings, folder, MODELS_FOLDER)
    for source in sources:
        match source.kind:
            case "Hugging Face cache":
                huggingface_cache.find(findings, source.folder, is_expected=source.is_named)
            case "Ollama":
                ollama_store.find(findings, source.folder, is_expected=source.is_named)
            case _:
                folder_tree.find(findings, source.folder, source.kind, is_expected=source.is_named)
    return findings


def catalog_of(findings: Findings, limit: int) -> LmxCatalog:
    """The catalog as clients read it. `limit`: bytes that LMX may use."""
    return LmxCatalog(models=list(findings.entries.values()), problems=findings.problems, limit=limit)
