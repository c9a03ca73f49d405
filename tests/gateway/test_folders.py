"""Folders to choose from: what a folder contains, bounded and as the daemon's user may see it, and repositories near the home folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.gateway import LocalGateway
from support.privileges import held_by_permissions

from opta_core.errors import Refused
from opta_gateway import folder_list as listing


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path / "gateway") as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "person"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def repository(folder: Path, changed: float = 0.0) -> Path:
    (folder / ".git").mkdir(parents=True)
    if changed:
        os.utime(folder / ".git", (changed, changed))
    return folder


def names(answer: object) -> list[str]:
    return [folder["name"] for folder in answer["folders"]]  # type: ignore[index]


def test_the_home_folder_is_the_beginning_and_says_what_a_session_in_it_means(gateway: LocalGateway, home: Path) -> None:
    repository(home / "api")
    (home / "Notes").mkdir()
    (home / ".cache").mkdir()
    (home / "file.txt").touch()
    found = gateway.get("/v3/folders").json()
    assert (found["path"], found["home"], found["parent"]) == (str(home), str(home), str(home.parent))
    assert [(each["name"], each["isRepository"]) for each in found["folders"]] == [("api", True), ("Notes", False)]
    assert "the whole home folder" in found["warning"] and found["problem"] == ""
    hidden = gateway.get("/v3/folders?hidden=1").json()
    assert [(each["name"], each["isHidden"]) for each in hidden["folders"]] == [(".cache", True), ("api", False), ("Notes", False)]


def test_a_path_can_begin_with_the_home_sign_and_is_shown_as_it_is_read(gateway: LocalGateway, home: Path) -> None:
    (home / "code/api").mkdir(parents=True)
    found = gateway.get("/v3/folders?path=~/code/./web/..").json()
    assert (found["path"], found["parent"], names(found), found["warning"]) == (str(home / "code"), str(home), ["api"], "")


def test_a_prefix_completes_names_in_any_case(gateway: LocalGateway, home: Path) -> None:
    for name in ("Alpha", "alps", "beta"):
        (home / name).mkdir()
    assert names(gateway.get("/v3/folders?prefix=aL").json()) == ["Alpha", "alps"]


@pytest.mark.parametrize(
    ("path", "status", "code", "words"),
    [
        ("relative", 422, "invalid", "absolute path"),
        ("/nowhere/at/all", 404, "not_found", "There is no folder"),
        ("/etc/passwd", 404, "not_found", "There is no folder"),
        ("~no-such-user/x", 422, "invalid", "no such user"),
        ("/a%00b", 422, "invalid", "NUL"),
        ("/" + "a" * 4000, 422, "invalid", "cannot be read"),
    ],
)
def test_what_is_no_folder_is_named(gateway: LocalGateway, path: str, status: int, code: str, words: str) -> None:
    answer = gateway.get(f"/v3/folders?path={path}")
    assert answer.refusal == (status, code)
    assert words in answer.error["message"]


def test_a_folder_that_the_user_may_not_read_is_refused_and_listed_by_name_only(home: Path, gateway: LocalGateway) -> None:
    secret = home / "secret"
    secret.mkdir()
    (secret / "inside").mkdir()
    secret.chmod(0)
    home.chmod(0o755)
    try:
        assert names(gateway.get("/v3/folders").json()) == ["secret"]
        with held_by_permissions(), pytest.raises(Refused, match="may not read") as refused:
            listing.folder_list(gateway.paths, str(secret), "", with_hidden=False)
        assert refused.value.code == "denied"
    finally:
        secret.chmod(0o700)


def test_folders_that_cannot_be_a_workspace_say_why(gateway: LocalGateway, home: Path) -> None:
    assert "root of the file system" in gateway.get("/v3/folders?path=/").json()["problem"]
    assert "contains home folders" in gateway.get(f"/v3/folders?path={home.parent}").json()["problem"]
    assert "belongs to Opta itself" in gateway.get(f"/v3/folders?path={gateway.home}").json()["problem"]


def test_a_list_is_bounded_and_says_so(gateway: LocalGateway, home: Path) -> None:
    for number in range(listing.FOLDERS_MAX + 1):
        (home / f"folder{number:04}").mkdir()
    found = gateway.get("/v3/folders").json()
    assert (len(found["folders"]), found["isCut"]) == (listing.FOLDERS_MAX, True)


def test_links_to_folders_are_listed_and_broken_ones_are_not(gateway: LocalGateway, home: Path) -> None:
    (home / "real").mkdir()
    (home / "link").symlink_to(home / "real")
    (home / "broken").symlink_to(home / "gone")
    (home / os.fsdecode(b"not\xfftext")).mkdir()
    assert names(gateway.get("/v3/folders").json()) == ["link", "real"]


def test_repositories_near_the_home_folder_are_suggested_newest_first(gateway: LocalGateway, home: Path) -> None:
    repository(home / "old", 1_000)
    repository(home / "code/new", 3_000)
    repository(home / "code/.hidden", 9_000)
    repository(home / "Documents/private", 9_000)
    repository(home / "Library/program", 9_000)
    repository(home / "middle", 2_000)
    repository(home / "middle/vendor", 9_000)
    found = gateway.get("/v3/folders/suggested").json()
    assert (names(found), found["home"]) == (["new", "middle", "old"], str(home))


def test_a_look_changes_nothing(gateway: LocalGateway, home: Path) -> None:
    repository(home / "api")
    with gateway.untouched():
        gateway.get("/v3/folders")
        gateway.get("/v3/folders/suggested")
