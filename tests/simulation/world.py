"""One simulated run: four processes, some clients, faults for a while, then none; at the end every promise is checked."""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any

from support.promises import ENDINGS, check_journal
from support.snapshots import checked_snapshots

from opta_agent import snapshot_client
from opta_core import clock as core_clock
from opta_core.errors import OptaError
from opta_gateway.stream import SessionCursor
from opta_protocol import ids
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import PermissionDecision, SessionStart, SessionUpdated, TurnStart, TurnStopping
from opta_protocol.ids import new_session_id
from opta_protocol.permissions import Level, Mode, SessionPolicy
from opta_sessions import catalog

from .clock import VirtualLoop
from .disk import Disk
from .network import Network
from .processes import PATHS, Process, seeded

SERVICES = ("sessions", "agent", "tools", "gateway")
PEACE_S = 150.0
READS = ("list_dir", "read_file")


class Violation(AssertionError):
    """A promise was broken."""


class World:
    """Everything of one seed."""

    # Whether the model starts sub-agents.
    delegates = True

    def __init__(self, seed: int):
        self.seed, self.chance = seed, seeded(seed)
        self.loop = VirtualLoop()
        self.network = Network(self.loop, self.chance)
        self.disk = Disk(self.chance)
        self.processes: dict[str, Process] = {}
        self.begun: dict[str, list[str]] = {}
        self.calls = 0
        self.lives: Counter[str] = Counter()
        self.is_peace = False
        self.clients: list[Client] = []
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        # Lines between two snapshots of a session, and after one that was refused.
        self.snapshots = (15, 5) if seed % 2 else (snapshot_client.DUE_LINES, snapshot_client.AGAIN_LINES)

    def play(self) -> Counter[str]:
        """Run it. Raises Violation; the figures of the run."""
        asyncio.set_event_loop(None)
        self.loop.set_exception_handler(self._on_error)
        ids.use_source(self.chance)
        core_clock.set_wall(self.loop.wall)
        former, catalog.READ_FIRST = catalog.READ_FIRST, (0, 1, 64)[self.seed % 3]
        lines = snapshot_client.DUE_LINES, snapshot_client.AGAIN_LINES
        snapshot_client.DUE_LINES, snapshot_client.AGAIN_LINES = self.snapshots
        try:
            self.loop.run_until_complete(self._story())
        except Violation:
            raise
        except AssertionError as error:
            raise Violation(f"seed {self.seed}: {error or type(error).__name__}") from error
        finally:
            ids.use_source()
            core_clock.set_wall()
            catalog.READ_FIRST = former
            snapshot_client.DUE_LINES, snapshot_client.AGAIN_LINES = lines
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.set_exception_handler(lambda *_: None)
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()
        return self.counts

    def check_request(self, messages: list[dict[str, Any]]) -> None:
        """What every request to a model has to be: each call answered by exactly one result."""
        asked = [call["id"] for message in messages if message["role"] == "assistant" for call in message.get("tool_calls", [])]
        answered = [message["tool_call_id"] for message in messages if message["role"] == "tool"]
        if asked != answered or messages[0]["role"] != "system":
            self.errors.append(f"a request with calls {asked} and results {answered}")

    # faults -----------------------------------------------------------------------------------------

    async def _story(self) -> None:
        for service in SERVICES:
            self._start(service)
        self.clients = [Client(self, number) for number in range(self.chance.randint(1, 3))]
        working = [asyncio.ensure_future(client.work()) for client in self.clients]
        ends_at = self.loop.time() + self.chance.uniform(1.0, 8.0)
        while self.loop.time() < ends_at:
            await asyncio.sleep(self.chance.uniform(0.01, 0.8))
            self._hurt()
        self._heal()
        try:
            async with asyncio.timeout(PEACE_S):
                await asyncio.gather(*working)
                await asyncio.sleep(0.5)
                while any(len(client.seen) < len(self._lines(client)) for client in self.clients if not client.is_trashed):  # noqa: ASYNC110 - simulated time
                    await asyncio.sleep(0.1)
                while any(not _has_ended(lines) for lines in self._children().values()):  # noqa: ASYNC110 - simulated time
                    await asyncio.sleep(0.1)
                await asyncio.sleep(1.0)
        except TimeoutError:
            raise Violation(f"seed {self.seed}: not settled: {[client.where for client in self.clients]}") from None
        finally:
            for task in [*working, *(client.watching for client in self.clients if client.watching)]:
                task.cancel()
        self._check()

    def _start(self, service: str) -> None:
        if not self.processes.get(service) or not self.processes[service].is_alive:
            self.processes[service] = Process(self, service)
            self.processes[service].start()

    def on_death(self, process: Process) -> None:
        """supervisord starts it again."""
        self.counts["kills"] += 1
        self.loop.call_later(self.chance.uniform(0.02, 0.6), self._start, process.service)

    def _hurt(self) -> None:
        what = self.chance.choices(
            ["kill", "stop", "two", "crash", "full", "eio", "power", "clock", "term", "none"], [30, 10, 8, 25, 4, 4, 6, 5, 6, 8]
        )[0]
        self.counts[what] += 1
        if what == "kill":
            self.processes[self.chance.choice(SERVICES)].kill()
        elif what == "two":
            for service in self.chance.sample(SERVICES, 2):
                self.processes[service].kill()
        elif what == "term":
            self.processes[self.chance.choice(SERVICES)].stopping.set()
        elif what == "stop":
            self.processes[self.chance.choice(SERVICES)].paused_until = self.loop.time() + self.chance.uniform(0.1, 2.5)
        elif what == "crash":
            self.disk.crash_in = self.chance.randint(1, 12)
            self.disk.crash_point = self.chance.choice(["before", "middle", "after"])
        elif what == "full":
            self.disk.full = True
            self.loop.call_later(self.chance.choice([0.3, 3.0, 14.0]), self._set_full, False)
        elif what == "eio":
            self.disk.sync_fails = True
            self.loop.call_later(self.chance.uniform(0.1, 2.0), self._set_sync_fails, False)
        elif what == "clock":
            self.loop.wall_step_s += self.chance.choice([-86_400.0, -5.0, 5.0, 86_400.0])
        elif what == "power":
            for process in self.processes.values():
                process.kill()
                process.is_flushed = False  # nothing is in any kernel any more
            self.disk.lose_power()
            for client in self.clients:
                client.forget()

    def _set_full(self, value: bool) -> None:
        self.disk.full = value

    def _set_sync_fails(self, value: bool) -> None:
        self.disk.sync_fails = value

    def _heal(self) -> None:
        self.is_peace = True
        self.disk.full = self.disk.sync_fails = False
        self.disk.crash_in = 0

    def _on_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        from .clock import owner
        from .disk import Killed

        error = context.get("exception")
        handle = context.get("handle") or context.get("task") or context.get("future")
        process = owner.get()
        if isinstance(error, Killed) or (process is not None and not process.is_alive) or error is None:
            return
        self.errors.append(f"{type(error).__name__}: {error} in {handle}")

    # promises ---------------------------------------------------------------------------------------

    def _check(self) -> None:
        problems = list(self.errors)
        for client in self.clients:
            if client.sid:
                problems += self._check_session(client)
        problems += self._check_children()
        contents = {path: bytes(file.content) for path, file in self.disk.names.items()}
        self.counts["snapshots"], wrong = checked_snapshots(contents)
        problems += wrong
        for call_id, runs in self.begun.items():
            if len(runs) > 1 and runs[0] not in READS:
                problems.append(f"{runs[0]} {call_id} ran {len(runs)} times")
        if problems:
            raise Violation(f"seed {self.seed}: " + "; ".join(problems))

    def _lines(self, client: "Client") -> list[bytes]:
        folder = PATHS.trash if client.is_trashed else PATHS.sessions
        content = self.disk.names.get(folder / f"{client.sid}.jsonl")
        return bytes(content.content).splitlines() if content else []

    def _children(self) -> dict[str, list[bytes]]:
        """The journals of sub-agents."""
        found: dict[str, list[bytes]] = {}
        for path, content in self.disk.names.items():
            lines = bytes(content.content).splitlines()
            if path.suffix == ".jsonl" and lines and b'"parentCall":' in lines[0]:
                found[path.stem] = lines
        return found

    def _check_children(self) -> list[str]:
        """Each sub-agent was begun once, for one call, and what its parent heard of it is so."""
        problems: list[str] = []
        parents = [json.loads(line) for client in self.clients if client.sid for line in self._lines(client)]
        announced = {event["childSid"]: event["callId"] for event in parents if event["event"] == "child.start"}
        results = {event["callId"]: event for event in parents if event["event"] == "tool.result"}
        if len(announced) != sum(event["event"] == "child.start" for event in parents):
            problems.append("a sub-agent was announced twice")
        for sid, lines in self._children().items():
            events = check_journal(lines)
            self.counts["children"] += 1
            turns = [event for event in events if event["event"] == "turn.start"]
            endings = [event["event"] for event in events if event["event"] in ENDINGS]
            result = results.get(announced.get(sid, ""))
            if len(turns) > 1 or announced.get(sid) != events[0]["parentCall"]:
                problems.append(f"{sid} was begun {len(turns)} times for {announced.get(sid)}")
            if result is not None and result["ok"] != (endings == ["turn.done"]):
                problems.append(f"{sid} ended with {endings}, and its parent heard {result['content'][:80]!r}")
        return problems

    def _check_session(self, client: "Client") -> list[str]:
        lines = self._lines(client)
        events = check_journal(lines)
        problems: list[str] = []
        # What throws a session away is its last line, and nobody follows it any more.
        if client.seen != (lines[: len(client.seen)] if client.is_trashed else lines):
            at = next((n for n, (a, b) in enumerate(zip(client.seen, lines, strict=False)) if a != b), min(len(client.seen), len(lines)))
            problems.append(f"{client.sid}: client has {len(client.seen)} lines, the journal {len(lines)}, the first difference is at {at}")
        turns = {event["turn"]: event for event in events if event["event"] == "turn.start"}
        by_key = Counter(event["key"] for event in turns.values())
        problems += [f"{client.sid}: key {key} made {count} turns" for key, count in by_key.items() if count > 1]
        for key, turn in client.accepted.items():
            if turn not in turns or turns[turn]["key"] != key:
                problems.append(f"{client.sid}: accepted {key} as {turn}, which is not in the journal")
        self.counts["sessions"] += 1
        self.counts["turns"] += len(turns)
        self.counts["events"] += len(events)
        self.counts["tools"] += sum(event["event"] == "tool.start" for event in events)
        self.counts["endings"] += sum(event["event"] in ENDINGS for event in events)
        return problems


def _has_ended(lines: list[bytes]) -> bool:
    """Whether the turns of a journal have."""
    events = [json.loads(line)["event"] for line in lines]
    return events.count("turn.start") == sum(event in ENDINGS for event in events)


class Client:
    """Asks, watches, answers questions, sometimes stops a turn; comes back after whatever happens."""

    def __init__(self, world: World, number: int):
        self.world, self.number = world, number
        self.sid = ""
        self.seen: list[bytes] = []
        self.accepted: dict[str, str] = {}
        self.ended: set[str] = set()
        self.where = "start"
        self.watching: asyncio.Task[None] | None = None
        self.is_trashed = False
        self._asked: list[dict[str, Any]] = []

    def forget(self) -> None:
        """The power was lost: what this client saw and was not on the disk is gone with it."""
        self.seen.clear()
        self.ended.clear()

    async def work(self) -> None:
        """Some prompts, to their endings."""
        chance = self.world.chance
        await self._start_session()
        self.watching = asyncio.ensure_future(self._watch())
        for number in range(chance.randint(1, 4)):
            key = f"k{self.number}-{number}"
            self.where = f"submitting {key}"
            self.accepted[key] = await self._submit(key)
            if chance.random() < 0.15:
                await asyncio.sleep(chance.uniform(0.0, 0.5))
                await self._try(lambda access, turn=self.accepted[key]: self._stop(access, turn))
            if chance.random() < 0.6:
                await self._until_ended()
            await asyncio.sleep(chance.uniform(0.0, 0.4))
        while not self.world.is_peace:  # noqa: ASYNC110 - simulated time
            await asyncio.sleep(0.1)
        await self._until_ended()
        self.where = "waiting for the last lines"
        await asyncio.sleep(1.0)
        if chance.random() < 0.2:
            self.where = "throwing away"
            while not await self._try(self._throw_away):
                pass
            self.is_trashed = True
            await asyncio.sleep(1.0)

    async def _until_ended(self) -> None:
        while missing := [turn for turn in self.accepted.values() if turn not in self.ended]:
            self.where = f"waiting for {self.sid} {missing}, {len(self.seen)} lines"
            await asyncio.sleep(0.05)

    async def _try(self, make: Any) -> Any:
        """Have the gateway of now do something; None when it dies meanwhile or refuses."""
        gateway = self.world.processes["gateway"]
        if not gateway.is_alive or gateway.access is None:
            await asyncio.sleep(0.05)
            return None
        work = gateway.run(make(gateway.access))
        died = asyncio.ensure_future(gateway.died.wait())
        await asyncio.wait({work, died}, return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        if not work.done():
            return None
        try:
            return work.result()
        except (OptaError, asyncio.CancelledError):
            await asyncio.sleep(0.05)
            return None

    async def _start_session(self) -> None:
        chance = self.world.chance
        policy = SessionPolicy.unrestricted if chance.random() < 0.5 else SessionPolicy.standard
        while not self.sid:
            sid = new_session_id()

            async def create(access: Any, sid: str = sid) -> str:
                await access.append(SessionStart(sid=sid, title="", cwd="/", mode=Mode.do, level=Level.L2, policy=policy))
                return sid

            self.sid = await self._try(create) or ""

    async def _submit(self, key: str) -> str:
        async def submit(access: Any) -> str:
            start = TurnStart(sid=self.sid, role="user", text=f"do {key}", mode=Mode.do, level=Level.L2, key=key, body=key)
            return (await access.append(start)).turn

        while not (turn := await self._try(submit)):
            pass
        return str(turn)

    async def _stop(self, access: Any, turn: str) -> bool:
        await access.append(TurnStopping(sid=self.sid, turn=turn, by="client"))
        return True

    async def _throw_away(self, access: Any) -> bool:
        try:
            await access.append(SessionUpdated(sid=self.sid, changes={"trashed": True}))
        except OptaError as error:
            # An earlier try was heard, and its answer was not.
            return error.code is ErrorCode.not_found
        return True

    async def _watch(self) -> None:
        while True:
            await self._try(self._follow)

    def _follow(self, access: Any) -> Coroutine[Any, Any, None]:
        async def follow() -> None:
            session = await access.session(self.sid)
            ring = await access.ring(session)
            seen = self.seen
            cursor = SessionCursor(ring, len(seen))
            async with aclosing(cursor.frames()) as frames:
                async for lines in frames:
                    if b'"control"' not in lines[0][:12]:
                        seen.extend(lines)
                        for line in lines:
                            self._look(json.loads(line), access)

        return follow()

    def _look(self, event: dict[str, Any], access: Any) -> None:
        if event["event"] in ENDINGS:
            self.ended.add(event["turn"])
        elif event["event"] == "permission.request" and self.world.chance.random() < 0.9:
            answer = "allow" if self.world.chance.random() < 0.8 else "deny"
            decision = PermissionDecision(
                sid=self.sid, turn=event["turn"], callId=event["callId"], requestId=event["requestId"], decision=answer, by="client"
            )
            access.outbox.append(decision)
