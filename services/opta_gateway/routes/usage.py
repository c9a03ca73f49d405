"""What sessions used: tokens, time and tool calls by day, folder and model."""

import asyncio
import datetime

from opta_core.usage.usage_report import report
from opta_protocol.http_usage import UsageReport

from ..endpoint import GatewayOf, TypedRouter, number

DAYS, DAYS_MAX = 30, 366

routes = TypedRouter()


@routes.get("/v3/usage")
async def get_usage(gateway: GatewayOf, days: int = number("days", DAYS, DAYS_MAX)) -> UsageReport:
    """Tokens, time and tool calls of the last days, counted from the journals; those of the archive and the trash are included."""
    async with gateway.counting:
        return await asyncio.to_thread(report, gateway.usage, max(1, days), datetime.datetime.now().astimezone().date())
