"""Decisions on calls: what is read for them is read in a thread, and questions are put in the order of the calls."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

from support.limits import limit_s
from support.loop_files import files_on_the_loop
from support.story import SID, TURN, Story

from opta_agent.gate import PermissionGate, Permit
from opta_agent.gate_environment import GateEnvironment
from opta_agent.toolbox import WorkerToolbox
from opta_core.bus.outbox import Outbox
from opta_core.paths import Paths
from opta_core.policy.layers import Layers
from opta_protocol import events as e
from opta_protocol.commands import AppendResult, Preview
from opta_protocol.permissions import Risk
from opta_protocol.tools.declared import tool_of

PATH = "/usr/local/bin:/usr/bin:/bin"


class Desk:
    """A story whose gate is real: it reads real rules and scripts, and `answer` is what a person says to every question."""

    def __init__(self, folder: Path, answer: str = "allow", machine: type[GateEnvironment] = GateEnvironment):
        self.folder, self.answer = folder / "work", answer
        (self.folder).mkdir()
        paths = Paths(folder / "home", folder / "home/daemon")
        paths.make()
        (paths.home / "policies").mkdir()
        (paths.home / "policies/mine.yaml").write_text("version: 1\nrules: []\n")
        self.story = Story(str(self.folder))
        self.machine = machine(paths, PATH, cast("WorkerToolbox", self))
        self.gate = PermissionGate(cast("Outbox", self), self.machine, limit_s(10))
        self.story.emit(e.StepStart(sid=SID, turn=TURN, step=1, provider="p", model="m", attempt=1))

    def call(self, number: int, command: str) -> e.ToolCall:
        """A call of run_command, as the model made it."""
        made = e.ToolCall(sid=SID, turn=TURN, callId=f"c{number}", name="run_command", args={"command": command}, risk=Risk.execute, step=1)
        self.story.emit(made)
        return made

    async def check(self, call: e.ToolCall) -> Permit:
        turn = self.story.session.transcript.turn(TURN)
        assert turn is not None
        return await self.gate.check(self.story.session, turn, call)

    def questions(self) -> list[e.PermissionRequest]:
        return [event for event in self.story.events if isinstance(event, e.PermissionRequest)]

    # the outbox

    def append(self, event: e.Event) -> None:
        self.story.emit(event)

    async def written(self, event: e.Event, timeout_s: float = 10) -> AppendResult:
        self.story.emit(event)
        if isinstance(event, e.PermissionRequest):
            self.on_question(event)
        return AppendResult(n=len(self.story.events), status="written")

    def on_question(self, asked: e.PermissionRequest) -> None:
        decision = "deny" if self.answer == "deny" else "allow"
        self.story.emit(
            e.PermissionDecision(sid=SID, turn=TURN, callId=asked.callId, requestId=asked.requestId, decision=decision, by="client")
        )

    # the toolbox

    def tool(self, sid: str, turn_id: str, name: str) -> object:
        return tool_of(name)

    async def sandbox(self) -> str:
        return "full"

    async def preview(self, session: object, call: e.ToolCall) -> Preview:
        return Preview(callId=call.callId, folder=str(self.folder))


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
