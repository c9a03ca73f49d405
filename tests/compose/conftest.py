"""One stack of containers for all tests of this folder. `ops/compose-test` builds the images and starts the engine; else nothing is collected."""

import os
import subprocess
from collections.abc import Iterator

import pytest
from support.compose import Stack

collect_ignore_glob = [] if os.environ.get("OPTA_COMPOSE_ENGINE") else ["test_*.py"]


@pytest.fixture(scope="session")
def faketime(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variable that names the folder with the library that changes clocks, out of the image with the tools."""
    folder = tmp_path_factory.mktemp("faketime")
    folder.chmod(0o755)
    image = f"opta-tools:{os.environ['OPTA_TAG']}"
    shown = subprocess.run(
        ["docker", "run", "--rm", image, "sh", "-c", "cat /usr/lib/*/faketime/libfaketimeMT.so.1"], capture_output=True, check=True
    )
    library = folder / "libfaketimeMT.so.1"
    library.write_bytes(shown.stdout)
    library.chmod(0o644)
    for parent in (folder.parent, folder.parent.parent):
        parent.chmod(0o711)
    return {"OPTA_TEST_FAKETIME": str(folder)}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, faketime: dict[str, str]) -> Iterator[Stack]:
    """Daemon and LMX, paired with each other, as docs/compose.md starts them. `test_containers.py` starts the page's container, too."""
    found = Stack("opta-compose-test", tmp_path_factory.mktemp("stack"), variables=faketime)
    try:
        found.start("daemon", "lmx")
        found.opta("daemon", "config", "set", "vault-file", "true")
        assert "Paired with lmx:1234" in found.pair("lmx")
        found.opta("daemon", "daemon", "restart")
        yield found
    finally:
        found.remove()
