"""The supervisor of an engine process: processes that cannot be started, and no blocking work on the event loop."""

import asyncio
import ctypes.util
import os
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from support.limits import limit_s

from opta_core.errors import Unavailable
from opta_core.lmx_settings import LmxSettings
from opta_lmx.engine_client.blas import blas_environment
from opta_lmx.engine_client.engine_supervisor import EngineSupervisor
from opta_lmx.ipc.messages import EngineConfig, Generate
from opta_lmx.models.engine_pool import EnginePool
from opta_lmx.models.keep_awake import KeepAwake
from opta_lmx.models.model_events import ModelEvents

CONFIG = EngineConfig(name="m", folder="nowhere")


async def fate_of(supervisor: EngineSupervisor) -> tuple[str, str]:
    """(state, the message that a request gets) of an engine that was just started."""
    supervisor.start()
    try:
        with pytest.raises(Unavailable) as refused, supervisor.generate([Generate(id=0, messages=[])]) as stream:
            await anext(stream)
        with pytest.raises(Unavailable):
            await supervisor.until_loaded()
        return supervisor.state, refused.value.message
    finally:
        await supervisor.stop()


def test_a_program_that_is_not_there_does_not_leave_the_model_loading() -> None:
    reports: list[tuple[str, Any]] = []
    supervisor = EngineSupervisor(CONFIG, lambda kind, **fields: reports.append((kind, fields)), lambda config: ["/nowhere/python"])
    state, message = asyncio.run(asyncio.wait_for(fate_of(supervisor), limit_s(30)))
    assert (state, "cannot be started" in message, "opta models load m" in message) == ("quarantined", True, True)
    assert [kind for kind, _ in reports] == ["died"] * 3 + ["quarantined"]


def test_a_process_without_free_descriptors_does_not_leave_the_model_loading() -> None:
    async def run() -> tuple[str, str]:
        await asyncio.to_thread(blas_environment)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
        try:
            return await fate_of(EngineSupervisor(CONFIG, lambda kind, **fields: None))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

    state, message = asyncio.run(asyncio.wait_for(run(), limit_s(30)))
    assert (state, "Too many open files" in message) == ("quarantined", True)


def test_a_quarantined_model_is_started_again_when_it_is_loaded_by_name() -> None:
    async def run() -> list[str]:
        command = ["/nowhere/python"]
        supervisor = EngineSupervisor(CONFIG, lambda kind, **fields: None, lambda config: command)
        supervisor.start()
        with pytest.raises(Unavailable):
            await supervisor.until_loaded()
        reasons: asyncio.Queue[str] = asyncio.Queue()
        supervisor.report = lambda kind, **fields: reasons.put_nowait(str(fields["reason"]))
        command[:] = [sys.executable, "-c", "raise SystemExit(3)"]
        supervisor.start()
        found = [await reasons.get()]
        await supervisor.stop()
        return found

    assert asyncio.run(asyncio.wait_for(run(), limit_s(30))) == ["exit code 3"]


def test_a_mac_whose_caffeinate_cannot_be_started_answers_all_the_same() -> None:
    awake = KeepAwake("/nowhere/caffeinate", is_needed=True)
    awake.note(is_busy=True)
    awake.note(is_busy=False)


# not on the event loop ------------------------------------------------------------------------------------


class Turns:
    """Counts turns of the event loop."""

    def __init__(self) -> None:
        self.count = 0

    async def __aenter__(self) -> "Turns":
        self._task = asyncio.create_task(self._turn())
        await asyncio.sleep(0)
        self.count = 0
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _turn(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only: elsewhere mlx needs no library")
def test_the_loop_turns_while_an_engine_is_started_and_its_library_tried(tmp_path: Path) -> None:
    library = ctypes.util.find_library("m")
    assert library is not None
    found = next(
        Path(folder) / library
        for folder in ("/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/usr/lib")
        if (Path(folder) / library).exists()
    )
    shutil.copy(found, tmp_path / "libopenblas.so.0")

    async def run() -> None:
        async with Turns() as turns:
            environment = await asyncio.to_thread(blas_environment, (str(tmp_path),))
            assert environment["LD_PRELOAD"] == str(tmp_path / "libopenblas.so.0")
            assert turns.count > 1

    asyncio.run(run())


def test_requests_and_ticks_read_the_model_folders_off_the_loop(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"models/m{number}").mkdir(parents=True)
        (tmp_path / f"models/m{number}/config.json").write_text("{}")

    async def run() -> None:
        pool = EnginePool(tmp_path / "models", LmxSettings(), ModelEvents())
        (tmp_path / "models/new").mkdir()
        (tmp_path / "models/new/config.json").write_text("{}")
        assert "new" not in pool.catalog.models
        async with Turns() as turns:
            assert "new" in await pool.catalog.refresh()
            assert turns.count > 1
        assert (await pool.catalog.resolve("new")).name == "new"
        await pool.tick()

    asyncio.run(run())
