"""A keychain in a file, for daemons of tests: PYTHON_KEYRING_BACKEND=support.keychain.FileKeychain."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend


class FileKeychain(KeyringBackend):
    """Keeps everything in the file that OPTA_TEST_KEYCHAIN names."""

    priority = 1  # type: ignore[assignment]

    def _read(self) -> dict[str, str]:
        file = Path(os.environ["OPTA_TEST_KEYCHAIN"])
        return json.loads(file.read_text()) if file.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._read().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        Path(os.environ["OPTA_TEST_KEYCHAIN"]).write_text(json.dumps({**self._read(), f"{service}/{username}": password}))
