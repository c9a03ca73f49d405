"""opta acp: the agent of an editor, over standard input and output."""

import argparse
import importlib.util
import signal
import sys
from typing import Any

from opta_core.errors import Refused
from opta_core.settings import LoadedSettings, unrestricted_from_environment

from ..connection import connect
from ..exit_codes import ExitCode, of_signal
from ..plain_text import print_plain

INSTALL = "The package agent-client-protocol is not installed, which opta acp needs. Install it: pip install 'opta[acp]'"


def acp(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta acp"""
    if importlib.util.find_spec("acp") is None:
        raise Refused(INSTALL)
    from ..editor import protocol_streams

    protocol_streams.check()
    output = protocol_streams.claim_output()
    if unrestricted_from_environment():
        print_plain("opta: OPTA_POLICY is ignored, because whoever starts an editor need not have set it", sys.stderr)
    import asyncio

    try:
        return asyncio.run(_serve(loaded, args, output))
    except asyncio.CancelledError:
        return ExitCode.cancelled


async def _serve(loaded: LoadedSettings, args: argparse.Namespace, output: int) -> int:
    import asyncio

    from ..editor import protocol_streams
    from ..editor.editor_agent import EditorAgent
    from ..editor.editor_connection import EditorConnection
    from ..editor.editor_daemon import EditorDaemon

    asked: dict[str, Any] = {
        "mode": args.mode,
        **({"level": args.level} if args.level else {}),
        **({"model": args.model} if args.model else {}),
    }
    agent = EditorAgent(EditorDaemon(lambda: connect(loaded, args), loaded.settings), asked)
    connection = EditorConnection(agent, protocol_streams.LineTransport(*await protocol_streams.streams(output)))
    loop, ended_by = asyncio.get_running_loop(), list[int]()
    listening = asyncio.create_task(connection.listen(), name="protocol")

    def end(number: int) -> None:
        ended_by.append(number)
        listening.cancel()

    for number in (signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
        loop.add_signal_handler(number, end, number)
    await asyncio.gather(listening, return_exceptions=True)
    await agent.leave()
    await connection.close()
    return of_signal(ended_by[0]) if ended_by else ExitCode.done
