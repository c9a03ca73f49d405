"""Decisions on calls: what is read for them is read in a thread, and questions are put in the order of the calls."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

from support.desk import Desk
from support.limits import limit_s
from support.loop_files import files_on_the_loop

from opta_agent.gate import Permit
from opta_agent.gate_environment import GateEnvironment
from opta_core.policy.layers import Layers
from opta_protocol import events as e


class Held(GateEnvironment):
    """A machine whose disk does not answer for the first call until `released`."""

    released: threading.Event
    reading: threading.Event

    def layers(self, cwd: str) -> Layers:
        if not self.reading.is_set():
            self.reading.set()
            assert self.released.wait(limit_s(10)), "nothing else went on while the disk did not answer"
        return super().layers(cwd)


def held() -> type[Held]:
    return type("HeldOnce", (Held,), {"released": threading.Event(), "reading": threading.Event()})


def play(story: Callable[[], object]) -> None:
    async def main() -> None:
        async with asyncio.timeout(limit_s(20)):
            await story()  # type: ignore[misc]

    asyncio.run(main())


def test_neither_rules_nor_scripts_are_read_on_the_loop(tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        (desk.folder / "Makefile").write_text("all:\n\techo one\n")
        call = desk.call(1, "make")
        with files_on_the_loop() as found:
            permit = await desk.check(call)
            again = await desk.gate.permit_again(desk.story.session, call)
        assert found == []
        assert permit.may_run and again.may_run
        (question,) = desk.questions()
        assert question.expects and question.execution is not None

    play(story)


def test_a_script_that_changes_while_a_person_is_asked_does_not_run(tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        script = desk.folder / "Makefile"
        script.write_text("all:\n\techo one\n")
        call = desk.call(1, "make")
        answered = desk.on_question

        def change_and_answer(asked: e.PermissionRequest) -> None:
            script.write_text("all:\n\techo two\n")
            answered(asked)

        desk.on_question = change_and_answer  # type: ignore[method-assign]
        permit = await desk.check(call)
        assert not permit.may_run
        assert "changed while" in permit.reason

    play(story)


def test_a_disk_that_does_not_answer_delays_no_other_work(tmp_path: Path) -> None:
    async def story() -> None:
        machine = held()
        desk = Desk(tmp_path, machine=machine)
        checking = asyncio.create_task(desk.check(desk.call(1, "ls")))
        await asyncio.to_thread(machine.reading.wait, limit_s(10))
        # Reached only when the loop goes on; otherwise the disk is never released.
        machine.released.set()
        assert (await checking).may_run

    play(story)


def test_questions_keep_the_order_of_the_calls_when_the_first_one_is_slow_to_read(tmp_path: Path) -> None:
    async def story() -> None:
        machine = held()
        desk = Desk(tmp_path, machine=machine)
        calls = [desk.call(number, f"python3 -c 'print({number})'") for number in (1, 2, 3)]
        checks = [asyncio.create_task(desk.check(call)) for call in calls]
        await asyncio.to_thread(machine.reading.wait, limit_s(10))
        for _ in range(50):
            # The others would be read by now if they were not to wait.
            await asyncio.to_thread(threading.get_ident)
        machine.released.set()
        permits = await asyncio.gather(*checks)
        assert [permit.may_run for permit in permits] == [True, True, True]
        assert [question.callId for question in desk.questions()] == ["c1", "c2", "c3"]

    play(story)


def test_a_denied_call_does_not_run_and_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path, answer="deny")
        permit = await desk.check(desk.call(1, "python3 -c 'print(1)'"))
        assert permit == Permit(False, "the user denied this call")

    play(story)
