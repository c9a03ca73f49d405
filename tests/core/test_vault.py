"""Secrets: stored, read back, never shown. Row A75: keychains that fail or return wrong values."""

from pathlib import Path
from typing import Any

import pytest

from opta_core.errors import Refused, Unavailable
from opta_core.paths import Paths
from opta_core.secrets import vault as vault_module
from opta_core.secrets.vault import Secret, Vault
from opta_core.secrets.vault_file import lock, unlock


class Keychain:
    """`lies`: takes everything and keeps nothing; `dies_after`: so many calls work."""

    def __init__(self, *, lies: bool = False, dies_after: int = 1000):
        self.kept: dict[tuple[str, str], str] = {}
        self.lies, self.left = lies, dies_after

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("the service is gone")

    def set_password(self, service: str, name: str, value: str) -> None:
        self._step()
        if not self.lies:
            self.kept[service, name] = value

    def get_password(self, service: str, name: str) -> str | None:
        self._step()
        return self.kept.get((service, name))

    def delete_password(self, service: str, name: str) -> None:
        self._step()
        del self.kept[service, name]


def vault(folder: Path, keychain: Any = None, *, allows_file: bool = False) -> Vault:
    return Vault(Paths(folder), allows_file=allows_file, backend=keychain)


@pytest.fixture(autouse=True)
def _no_keychain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DBUS_SESSION_BUS_ADDRESS", "PYTHON_KEYRING_BACKEND", "OPTA_VAULT_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)


def test_a_key_is_kept_listed_masked_replaced_and_forgotten(tmp_path: Path) -> None:
    keychain = Keychain()
    kept = vault(tmp_path, keychain)
    kept.store("cloud", Secret("sk-canary-0123456789abcd"))
    (account,) = kept.accounts()
    assert (account.name, account.shown, account.kept) == ("cloud", "••••abcd", "keychain")
    assert "canary" not in kept.index.read_text()
    assert kept.index.stat().st_mode & 0o777 == 0o600
    kept.store("cloud", Secret("short"))
    assert [account.shown for account in kept.accounts()] == ["••••"]
    found = kept.fetch("cloud")
    assert found is not None
    assert (found.reveal(), str(found), repr(found)) == ("short", "Secret(••••)", "Secret(••••)")
    assert kept.remove("cloud")
    assert not kept.remove("cloud")
    assert (kept.fetch("cloud"), kept.accounts()) == (None, [])


@pytest.mark.attack("A75")
def test_a_keychain_that_keeps_nothing_is_never_said_to_have_stored(tmp_path: Path) -> None:
    kept = vault(tmp_path, Keychain(lies=True), allows_file=True)
    with pytest.raises(Refused, match="did not return the key of cloud"):
        kept.store("cloud", Secret("value"))
    assert kept.accounts() == []
    assert not (tmp_path / "vault").exists()


@pytest.mark.attack("A75")
@pytest.mark.parametrize("dies_after", [0, 1])
def test_a_keychain_that_dies_stores_nothing_and_says_what_to_do(tmp_path: Path, dies_after: int) -> None:
    kept = vault(tmp_path, Keychain(dies_after=dies_after))
    with pytest.raises(Unavailable, match="vault-file true"):
        kept.store("cloud", Secret("value"))
    assert kept.accounts() == []
    assert kept.fetch("cloud") is None


@pytest.mark.attack("A75")
def test_without_a_keychain_nothing_is_written_before_the_user_agreed(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="vault-file true"):
        vault(tmp_path).store("cloud", Secret("canary-value"))
    assert list(tmp_path.iterdir()) == []
    agreed = vault(tmp_path, allows_file=True)
    assert agreed.store("cloud", Secret("canary-value")).kept == "file"
    again = vault(tmp_path, allows_file=True).fetch("cloud")
    assert again is not None
    assert again.reveal() == "canary-value"
    for file in (tmp_path / "vault").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        assert b"canary" not in file.read_bytes()
    assert (tmp_path / "vault").stat().st_mode & 0o777 == 0o700
    assert agreed.remove("cloud")
    assert agreed.fetch("cloud") is None


@pytest.mark.attack("A75")
@pytest.mark.parametrize("backend", ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring"])
def test_a_backend_that_is_not_known_to_be_safe_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    import keyring

    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    keyring.core.init_backend()
    for allows_file in (False, True):
        with pytest.raises(Refused, match="Unset the variable"):
            vault(tmp_path, allows_file=allows_file).store("cloud", Secret("value"))
    assert vault(tmp_path).fetch("cloud") is None
    assert "null" not in " ".join(vault_module.ALLOWED)


@pytest.mark.attack("A75")
@pytest.mark.parametrize("value", ["", "x" * 10_240, "a\0b", "a\nb"])
def test_a_value_that_is_no_key_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(Refused):
        vault(tmp_path, Keychain()).store("cloud", Secret(value))


def test_a_file_of_another_key_or_with_damage_is_refused_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault(tmp_path, allows_file=True).store("cloud", Secret("value"))
    box, key = tmp_path / "vault/vault.box", tmp_path / "vault/vault.key"
    whole = box.read_bytes()
    box.write_bytes(whole.replace(b'"locked":"', b'"locked":"AAAA'))
    with pytest.raises(Refused, match="damaged"):
        vault(tmp_path, allows_file=True).fetch("cloud")
    box.write_bytes(whole)
    key.unlink()
    with pytest.raises(Refused, match="missing"):
        vault(tmp_path, allows_file=True).store("other", Secret("value"))
    assert box.read_bytes() == whole
    monkeypatch.setenv("OPTA_VAULT_PASSPHRASE", "a long passphrase")
    with pytest.raises(Refused, match="key file"):
        vault(tmp_path, allows_file=True).fetch("cloud")


def test_an_export_opens_with_its_passphrase_only() -> None:
    locked = lock({"cloud": "canary"}, "correct horse battery")
    assert b"canary" not in locked
    assert unlock(locked, "correct horse battery") == {"cloud": "canary"}
    for content, passphrase in ((locked, "wrong"), (locked[:-9], "correct horse battery"), (b"{}", "x"), (b"\0", "x")):
        with pytest.raises(Refused):
            unlock(content, passphrase)
