"""Skills: which folders count, which files are taken, and that a bad one is named with its reason and harms no other."""

import os
from pathlib import Path

import pytest

from opta_core import skills
from opta_core.paths import Paths
from opta_core.policy import trust
from opta_core.skills import SkillsFound

GOOD = "---\nname: pdf\ndescription: Fill PDF forms.\n---\nRun the script.\n"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(tmp_path / "home")
    made.make()
    return made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def write(folder: Path, name: str, text: str | bytes = GOOD) -> Path:
    file = folder / name / "SKILL.md"
    file.parent.mkdir(parents=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def trusted(paths: Paths, project: Path) -> None:
    trust.give(paths, str(project), trust.take(str(project)).sha256)


def names(found: SkillsFound) -> list[tuple[str, str]]:
    return [(skill.name, skill.origin) for skill in found.skills]


def test_the_users_skills_and_those_of_a_trusted_project_are_found(paths: Paths, project: Path) -> None:
    write(paths.skills, "pdf")
    for number, folder in enumerate((".opta", ".agents", ".claude")):
        write(project / folder / "skills", f"s{number}", GOOD.replace("name: pdf", f"name: s{number}"))
    assert names(skills.find(paths, "")) == [("pdf", "user")]
    before = skills.find(paths, str(project))
    assert names(before) == [("pdf", "user")]
    assert before.problems == [
        ".opta/skills, .agents/skills, .claude/skills: not used, because you have not trusted this folder: opta policy trust"
    ]
    trusted(paths, project)
    found = skills.find(paths, str(project))
    assert names(found) == [("pdf", "user"), ("s0", "project"), ("s1", "project"), ("s2", "project")] and found.problems == []
    assert [skill.path for skill in found.skills][1:] == [
        f"{folder}/skills/s{at}/SKILL.md" for at, folder in enumerate(skills.PROJECT_FOLDERS)
    ]
    (project / ".opta/config.toml").write_text("")
    assert "files changed since you trusted it" in skills.find(paths, str(project)).problems[0]


BAD: list[tuple[str | bytes, str]] = [
    ("no head at all\n", "it has no head"),
    ("", "it has no head"),
    ("\n---\nname: x\n---\n", "it has no head"),
    ("---\nname: pdf\ndescription: x\n", "does not end with ---"),
    ('---\nname: pdf\ndescription: "not closed\n---\n', "not valid YAML"),
    ("---\nname: [a\ndescription: x\n---\n", "not valid YAML"),
    ("---\n- name\n- description\n---\n", "no name and description"),
    ("---\njust words\n---\n", "no name and description"),
    ("---\n---\n", "no name and description"),
    ("---\nname: pdf\n---\n", "no description"),
    ("---\nname: pdf\ndescription:\n---\n", "no description"),
    ("---\nname: pdf\ndescription: [a, b]\n---\n", "no text"),
    ("---\nname: a/b\ndescription: x\n---\n", "its name is 'a/b'"),
    ("---\nname: " + "x" * 65 + "\ndescription: x\n---\n", "at most 64"),
    ("---\nname: <system>\ndescription: x\n---\n", "its name is"),
    ("---\nname: &a x\ndescription: *a\n---\n", "its name is '&a x'"),
    ("---\nname: x\ndescription: {a: &b c}\n---\n", "not valid YAML"),
    ("---\nname: pdf\nname: pdf\ndescription: x\n---\n", "occurs twice"),
    ("---\nname: pdf\ndescription: " + "x" * 20_000 + "\n---\n", "larger than"),
    ("---\nname: pdf\ndescription: x\nmore: " + "[" * 5000 + "\n---\n", "nested"),
    (b"---\nname: pdf\ndescription: \xff\xfe\n---\n", "not UTF-8"),
    (b"\x7fELF\0\0\0", "no head"),
    (GOOD + "x" * 300_000, "bytes; at most"),
]


@pytest.mark.parametrize(("text", "reason"), BAD)
def test_a_bad_file_is_named_with_its_reason_and_harms_no_other(paths: Paths, text: str | bytes, reason: str) -> None:
    write(paths.skills, "bad", text)
    write(paths.skills, "good", GOOD.replace("name: pdf", "name: good"))
    found = skills.find(paths, "")
    assert names(found) == [("good", "user")]
    (problem,) = found.problems
    assert problem.startswith(str(paths.skills)) and "/bad: " in problem and reason in problem


@pytest.mark.parametrize(
    ("text", "name", "description"),
    [
        ("---\ndescription: Use when: a PDF # is given\n---\n", "folder", "Use when: a PDF # is given"),
        ("---\nname: a\ndescription: Make it: fast,\n  and say: how\nlicense: MIT\n---\n", "a", "Make it: fast, and say: how"),
        (
            "---\nname: a\ndescription:\n  Wrapped: by a formatter,\n  twice.\nmetadata:\n  by: me\n---\n",
            "a",
            "Wrapped: by a formatter, twice.",
        ),
        ("---\nname: My Skill\ndescription: >\n  Two\n  lines.\n---\n", "My Skill", "Two lines."),
        ("\ufeff---\r\nname: 'a'\r\ndescription: \"b\"\r\n---\r\n", "a", "b"),
        ("---\nname: 7\ndescription: 8\nallowed-tools: [Bash, Read]\nmetadata:\n  version: '1'\n---\n", "7", "8"),
        ("---\nname:\tpdf\ndescription: x\n...\n", "pdf", "x"),
        ("---\nname: größe\ndescription: Maße\n---\n", "größe", "Maße"),
        ("---\nname: a\ndescription: |\n  - one\n  - two\nlicense: Use: freely\n---\n", "a", "- one - two"),
    ],
)
def test_heads_as_people_write_them_are_read(paths: Paths, text: str, name: str, description: str) -> None:
    write(paths.skills, "folder", text)
    found = skills.find(paths, "")
    assert [(skill.name, skill.description) for skill in found.skills] == [(name, description)], found.problems


def test_one_that_is_kept_for_people_is_not_listed(paths: Paths) -> None:
    write(paths.skills, "x", "---\ndescription: x\ndisable-model-invocation: true\n---\n")
    assert [skill.is_listed for skill in skills.find(paths, "").skills] == [False]


def test_links_that_lead_out_are_refused_and_those_to_another_agents_folder_are_one_skill(
    paths: Paths, project: Path, tmp_path: Path
) -> None:
    outside = write(tmp_path / "elsewhere", "secret")
    paths.skills.mkdir()
    (paths.skills / "a").symlink_to(outside.parent)
    (paths.skills / "b").mkdir()
    (paths.skills / "b/SKILL.md").symlink_to(outside)
    (paths.skills / "c").symlink_to(tmp_path / "nowhere")
    (paths.skills / "d").mkdir()
    os.mkfifo(paths.skills / "d/SKILL.md")
    (paths.skills / "e/SKILL.md").mkdir(parents=True)
    (paths.skills / "f").mkdir()
    (paths.skills / "loop").symlink_to("loop")
    (paths.skills / "notes.md").write_text(GOOD)
    (paths.skills / "README.txt").write_text("")
    found = skills.find(paths, "")
    assert found.skills == []
    assert [problem.partition(": ")[2].partition(";")[0] for problem in found.problems] == [
        f"it is a link that leads out of {paths.skills}",
        f"it is a link that leads out of {paths.skills}",
        "it is a link that leads nowhere, or to no folder",
        "its SKILL.md is not a file",
        "its SKILL.md is not a file",
        "it has no SKILL.md",
        "it is a link that leads nowhere, or to no folder",
        "a skill is a folder with a SKILL.md",
    ]
    write(project / ".agents/skills", "pdf")
    (project / ".claude").mkdir()
    (project / ".claude/skills").symlink_to("../.agents/skills")
    trusted(paths, project)
    assert [skill.path for skill in skills.find(paths, str(project)).skills] == [".agents/skills/pdf/SKILL.md"]
    (project / ".claude/skills").unlink()
    (project / ".claude/skills").mkdir()
    (project / ".claude/skills/pdf").symlink_to("../../.agents/skills/pdf")
    again = skills.find(paths, str(project))
    assert len(again.skills) == 1 and not [problem for problem in again.problems if "claude" in problem]
    (project / "written by commands").mkdir()
    (project / ".claude/skills/x").symlink_to("../../written by commands")
    assert "leads out" in skills.find(paths, str(project)).problems[-1]


def test_the_first_of_one_name_counts_and_the_others_are_named(paths: Paths, project: Path) -> None:
    write(paths.skills, "mine", GOOD.replace("Fill", "Mine: fill"))
    write(project / ".claude/skills", "pdf", GOOD.replace("name: pdf", "name: PDF"))
    trusted(paths, project)
    found = skills.find(paths, str(project))
    assert [(skill.origin, skill.description) for skill in found.skills] == [("user", "Mine: fill PDF forms.")]
    assert found.problems == [f".claude/skills/pdf/SKILL.md: there is a skill PDF already ({found.skills[0].path})"]


def test_a_folder_of_skills_that_leads_into_opta_shows_nothing_of_it(paths: Paths) -> None:
    (paths.daemon / "sessions/x/SKILL.md").parent.mkdir()
    (paths.daemon / "sessions/x/SKILL.md").write_text(GOOD)
    for target in ("daemon/sessions", "daemon", ".", "..", "/"):
        paths.skills.symlink_to(target)
        assert skills.find(paths, "").skills == [], target
        assert paths.shown(paths.skills) == str(paths.skills)
        paths.skills.unlink()


def test_a_great_number_is_bounded_and_said(paths: Paths) -> None:
    for number in range(skills.SKILLS_MAX + 2):
        write(paths.skills, f"s{number:04}", f"---\nname: s{number}\ndescription: x\n---\n")
    found = skills.find(paths, "")
    assert len(found.skills) == skills.SKILLS_MAX and "the first 200 are used" in found.problems[0]
