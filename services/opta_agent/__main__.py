"""The agent: `python -m opta_agent`."""

import asyncio

from opta_core.bus.outbox import Outbox
from opta_core.bus.store_client import StoreClient
from opta_core.bus.subscription import Subscriptions
from opta_core.net.lmx_endpoint import endpoint_of
from opta_core.process.process import ServiceContext, run
from opta_core.secrets.vault import Vault
from opta_core.settings import LiveSettings
from opta_core.ticks import tick

from .context_queries import ContextQueries
from .router import ModelRouter, Routes
from .turns import HELLO_IDLE_S, HELLO_S, Turns


async def main(context: ServiceContext) -> None:
    """Run turns until asked to stop."""
    vault = Vault(context.paths, allows_file=context.settings.vault_file)
    settings = LiveSettings(context.settings, context.paths)
    await serve(context, ModelRouter(settings, lambda: endpoint_of(settings(), context.paths), vault))


async def serve(context: ServiceContext, router: Routes) -> None:
    """The same with any way to models."""
    store = StoreClient(context.bus)
    outbox = Outbox(context.bus, "agent", context.boot, context.incarnation)
    subscriptions = Subscriptions(context.bus, store, is_sparse=True)
    turns = Turns(context, store, subscriptions, outbox, router)
    queries = ContextQueries(context.bus, context.boot, turns.session, turns.last_offered, router, lambda: turns.running)
    context.figures = lambda: {"running": turns.running, "done": turns.done, "cooling": _cooling(router)}
    changed = asyncio.Event()

    def on_change() -> None:
        context.publish()
        changed.set()

    turns.on_change = on_change
    # A store that was restarted knows this agent only by its hello.
    subscriptions.on_store_start = turns.hello
    turns.hello()
    context.ready()
    await asyncio.to_thread(router.warm)
    while not context.stopping.is_set():
        changed.clear()
        turns.hello()
        await tick(HELLO_S if turns.running else HELLO_IDLE_S, context.stopping, changed)
    await queries.close()
    await turns.close()
    router.close()


def _cooling(router: Routes) -> dict[str, float]:
    """Seconds for which providers are left alone still."""
    return router.health.cooling() if isinstance(router, ModelRouter) else {}


if __name__ == "__main__":
    run("agent", main)
