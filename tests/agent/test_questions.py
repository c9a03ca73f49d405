"""How often a person is asked: a fix of 38 steps at L2, a day of everyday lines at L3, and what an answer for the session covers."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from support.desk import PATH, Desk
from support.limits import limit_s
from support.one_fix import FIX, project

from opta_core.policy import grants
from opta_core.policy.actions import normalise
from opta_core.policy.layers import Layers
from opta_core.policy.verdict import Situation, judge
from opta_protocol.events import PermissionRequest
from opta_protocol.permissions import Level
from opta_protocol.tools.declared import tool_of
from opta_protocol.tools.shell import RUN_COMMAND


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(limit_s(60)):
            await story()

    asyncio.run(main())


def said(question: PermissionRequest) -> str:
    return str(question.args.get("command", question.args.get("path")))


def test_a_fix_of_38_steps_asks_at_most_three_questions(tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path, answer="session")
        project(desk.folder)
        assert len(FIX) == 38
        for number, (name, args) in enumerate(FIX):
            permit = await desk.check(desk.call_of(name, number, **args))
            assert permit.may_run, (name, args, permit.reason)
            if name == "write_file":
                (desk.folder / args["path"]).write_text(args["content"])
        asked = desk.questions()
        print(f"{len(asked)} questions: {[said(question) for question in asked]}")
        assert len(asked) <= 3
        assert {question.scope for question in asked} == {"contained", "write"}

    play(story)


def test_the_same_test_run_is_asked_once_whatever_stands_around_it(tmp_path: Path) -> None:
    runs = [
        "pytest -q 2>&1 | tail -5",
        "pytest -x",
        "pytest",
        "CI=1 pytest -q tests/test_app.py >/dev/null",
        "cd src && pytest -q |& grep passed",
    ]

    async def story() -> None:
        desk = Desk(tmp_path, answer="session")
        project(desk.folder)
        for number, command in enumerate(runs):
            assert (await desk.check(desk.call(number, command))).may_run
        (asked,) = desk.questions()
        offer = next(offer for offer in asked.offers if offer.id == "session")
        text = " ".join(offer.words)
        assert offer.folder == str(desk.folder)
        for word in ("without network", "deletes", "credentials", "control files", "background", "asked again"):
            assert word in text, text

    play(story)


def test_a_lasting_answer_for_a_checker_covers_its_other_options_and_nothing_else(tmp_path: Path) -> None:
    project(tmp_path)

    def request(command: str) -> Any:
        return normalise(RUN_COMMAND, {"command": command}, str(tmp_path), path=PATH)

    granted = grants.for_request(request("pytest -q 2>&1 | tail -5"), prefix=True)
    assert [grant.argv for grant in granted] == [("pytest",)]
    layers = Layers(granted=tuple(granted))

    def effect(command: str) -> str:
        return judge(request(command), Situation(level=Level.L2, layers=layers)).effect

    for command in ("pytest -x", "pytest", "pytest -q tests/test_app.py 2>&1 | tail -3", "pytest -vv |& grep -c passed"):
        assert effect(command) == "allow", command
    for command in (
        "pytestx", "pytest -p evil", "pytest -c other.ini", "pytest --basetemp=src", "pytest | tee log", "pytest | tail -5 src/app.py", "pytest | tail -f",
        "pytest; ls", "ls | pytest | sh", "X=1 pytest", "pytest > log", "pytest | grep -f .env", "pytest | sort -o src/app.py", "python3 -m pytest",
    ):  # fmt: skip
        assert effect(command) == "ask", command


def test_everyday_lines_run_through_the_gate_unasked_at_the_third_level(tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        project(desk.folder)
        for number, command in enumerate(args["command"] for name, args in FIX if name == "run_command"):
            permit = await desk.check(desk.call(number, command), Level.L3)
            assert permit.may_run
            # What is plain runs as it was judged; any other line as its text, in the closed sandbox.
            assert permit.network == "off"
        assert desk.questions() == []

    play(story)


def test_what_destroys_asks_every_time_whatever_was_granted(tmp_path: Path) -> None:
    lines = [
        "ls 2>&1",
        "rm -rf src",
        "X=1 rm -rf src",
        "git reset --hard 2>&1 | tail -1",
        "git clean -fdx >/dev/null",
        "for f in src/*; do rm $f; done",
    ]

    async def story() -> None:
        desk = Desk(tmp_path, answer="session")
        project(desk.folder)
        for number, command in enumerate([*lines, *lines]):
            await desk.check(desk.call(number, command))
        asked = desk.questions()
        assert [said(question) for question in asked] == [*lines, *lines[1:]]
        assert all(question.offers == [] for question in asked[1:])

    play(story)


def test_a_script_that_changes_while_a_person_is_asked_does_not_run_on_a_line_that_is_not_plain(tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        project(desk.folder)
        answered = desk.on_question

        def change_and_answer(asked: PermissionRequest) -> None:
            (desk.folder / "scripts/check.sh").write_text("#!/bin/sh\nrm -rf src\n")
            answered(asked)

        desk.on_question = change_and_answer  # type: ignore[method-assign]
        permit = await desk.check(desk.call(1, "./scripts/check.sh 2>&1 | tail -3"))
        assert not permit.may_run
        assert "changed while" in permit.reason

    play(story)


def test_a_question_that_is_denied_grants_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path, answer="deny")
        project(desk.folder)
        for number in (1, 2):
            assert not (await desk.check(desk.call(number, "X=1 ls"))).may_run
        assert desk.story.session.granted == set()
        assert len(desk.questions()) == 2

    play(story)


def test_a_call_that_names_a_script_is_judged_after_the_changes_before_it(tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        project(desk.folder)
        session = desk.story.session
        for command, names in (
            ("python3 new.py", True),
            ("./scripts/check.sh", True),
            ("make test", True),
            ("ls 2>&1", False),
            ("X=1 ls", False),
        ):
            assert await desk.gate.runs_scripts(session, desk.call(hash(command) % 10_000, command)) == names, command

    play(story)


def test_the_words_of_every_offer_are_shown_and_hold_no_placeholder(tmp_path: Path) -> None:
    project(tmp_path)
    from opta_agent.offers import offers

    for command in ("ls", "X=1 ls", "find . -name x | xargs wc -l", "awk '{print $1}' a", "npm ci", "pytest -q | tail", "ls > x"):
        request = normalise(tool_of("run_command"), {"command": command}, str(tmp_path), path=PATH)
        for offer in offers(request, judge(request, Situation(level=Level.L2)), "off"):
            assert offer.label and (offer.words or offer.preview), offer
            assert not re.search(r"[\x00-\x1f]", " ".join([offer.label, *offer.words])), offer
