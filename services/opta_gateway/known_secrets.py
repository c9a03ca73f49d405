"""Every secret that this home knows, masked in what is given away."""

from pathlib import Path

from opta_core.paths import Paths
from opta_core.secrets.vault import Vault
from opta_core.triage.evidence_bundle import Redactor

from .app import Gateway


def redactor_of(gateway: Gateway, vault: Vault) -> Redactor:
    """Masks the secrets of this home and of its user; blocking."""
    return Redactor([gateway.auth.token, *_secrets(gateway.loaded.paths, vault)], str(Path.home()))


def _secrets(paths: Paths, vault: Vault) -> list[str]:
    found = [secret.reveal() for account in vault.accounts() if (secret := vault.fetch(account.name)) is not None]
    for file in (paths.lmx / "admin.key", paths.token):
        try:
            found.append(file.read_text().strip())
        except OSError:
            continue
    return found
