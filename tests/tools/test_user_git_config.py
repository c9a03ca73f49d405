"""Git in a sandbox uses the identity, ignore rules and line endings of the person, and follows no setting that leads elsewhere."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.contained import Place

LFS = '[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge -- %f\n\tprocess = git-lfs filter-process\n\trequired = true\n'


class Home:
    """A person's home before anything contained ran in it."""

    def __init__(self, folder: Path):
        self.folder, self.home = folder, folder / "home"
        (self.home / ".config/git").mkdir(parents=True)
        (folder / "work").mkdir()

    def file(self, name: str, content: str) -> Path:
        path = self.home / name
        path.write_text(content)
        return path

    def git(self, *words: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        return subprocess.run(["git", *words], cwd=self.folder / "work", env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def place(home: Home) -> Iterator[Place]:
    made: list[Place] = []

    class Late:
        """The place is made at its first command, when the home is as a test wants it."""

        def __getattr__(self, name: str) -> object:
            if not made:
                made.append(Place(home.folder))
            return getattr(made[0], name)

    yield Late()  # pyright: ignore[reportReturnType]
    for each in made:
        each.close()


COMMIT = "echo 1 > f && git add f && git commit -qm one && git log --format='%an <%ae>'"


def test_an_identity_that_is_included_commits(home: Home, place: Place) -> None:
    home.file(".gitconfig", "[include]\n\tpath = ~/.gitconfig.me\n")
    home.file(".gitconfig.me", "[user]\n\tname = Ada\n\temail = ada@example.test\n")
    assert place.run(f"git init -q && {COMMIT}").content == "Ada <ada@example.test>"


def test_an_identity_for_the_folder_is_the_one_that_commits(home: Home, place: Place) -> None:
    home.file(
        ".gitconfig", f'[user]\n\tname = Ada\n\temail = ada@example.test\n[includeIf "gitdir:{home.folder}/work/"]\n\tpath = ~/.at-work\n'
    )
    home.file(".at-work", "[user]\n\temail = ada@work.example.test\n")
    home.git("init", "-q")
    assert place.run(COMMIT).content == "Ada <ada@work.example.test>" == f"Ada <{home.git('config', 'user.email').strip()}>"


def test_both_files_of_a_person_are_read_and_gitconfig_decides(home: Home, place: Place) -> None:
    home.file(".config/git/config", "[user]\n\tname = Ada\n\temail = old@example.test\n")
    home.file(".gitconfig", "[user]\n\temail = ada@example.test\n")
    assert place.run(f"git init -q && {COMMIT}").content == "Ada <ada@example.test>"


def test_a_repository_that_cannot_be_read_leaves_the_identity(home: Home, place: Place) -> None:
    home.file(".gitconfig", "[user]\n\tname = Ada\n\temail = ada@example.test\n")
    (home.folder / "work/.git").write_text("gitdir: /nowhere\n")
    assert place.run(f"mkdir r && cd r && git init -q && {COMMIT}").content == "Ada <ada@example.test>"


@pytest.mark.parametrize("where", ["named", "default"])
def test_what_a_person_ignores_everywhere_is_not_added(home: Home, place: Place, where: str) -> None:
    if where == "named":
        home.file(".gitconfig", "[core]\n\texcludesFile = ~/.gitignore_global\n")
        home.file(".gitignore_global", "*.secret\n")
    else:
        home.file(".config/git/ignore", "*.secret\n")
    home.git("init", "-q")
    (home.folder / "work/keys.secret").write_text("secret")
    assert place.run("echo 1 > f && git add -A && git status --short").content == "A  f"


def test_large_files_are_committed_as_pointers(home: Home, place: Place) -> None:
    home.file(".gitconfig", LFS)
    home.git("init", "-q")
    assert place.run("git config filter.lfs.clean && git config filter.lfs.required").content == "git-lfs clean -- %f\ntrue"


@pytest.mark.parametrize("value", ["evil", "git-lfs clean -- %f; evil", "/home/evil/git-lfs clean -- %f"])
def test_no_other_program_comes_along(home: Home, place: Place, value: str) -> None:
    home.file(
        ".gitconfig", f'[filter "lfs"]\n\tclean = "{value}"\n[filter "x"]\n\tclean = evil\n[core]\n\tpager = evil\n\thooksPath = /evil\n'
    )
    assert "evil" not in place.run("cat ~/.gitconfig; git config --list").content


@pytest.mark.parametrize("kind", ["file", "link", "folder above"])
def test_a_list_that_a_command_names_shows_no_other_file(home: Home, place: Place, kind: str) -> None:
    """The person's configuration lies in the workspace, as that of people who keep it in a repository does."""
    (home.folder / "work/gitconfig").write_text("[user]\n\tname = Ada\n")
    (home.home / ".gitconfig").symlink_to(home.folder / "work/gitconfig")
    secret = home.home / ".ssh/id"
    named = {"file": secret, "link": home.folder / "work/gitignore", "folder above": home.folder / "work/ignores/id"}[kind]
    place.run(f"printf '[core]\\n\\texcludesFile = {named}\\n' > gitconfig; ln -s {secret} gitignore; ln -s {secret.parent} ignores")
    assert "excludesFile" in (home.folder / "work/gitconfig").read_text()
    assert "CANARY" not in place.run("cat ~/.config/git/ignore; cat ~/.gitconfig", session="second").content
