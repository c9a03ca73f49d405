"""The values of config.toml: list, set, unset. Each change says the file, the key, the values before and after, and from when on it holds."""

import asyncio

from opta_core import settings
from opta_core.errors import Refused
from opta_core.setting_changes import list_settings, set_setting, unset_setting
from opta_protocol.error_info import ErrorCode
from opta_protocol.http_settings import SetSetting, SettingChange, SettingList

from ..endpoint import GatewayOf, TypedRouter, body, text

routes = TypedRouter()


@routes.get("/v3/config")
async def get_config(gateway: GatewayOf) -> SettingList:
    """Every setting as the file and the daemon's environment have it now. Values that may be secret are masked."""
    return await asyncio.to_thread(lambda: list_settings(settings.load_home(gateway.loaded.paths)))


@routes.put("/v3/config")
async def put_setting(gateway: GatewayOf, wanted: SetSetting = body(SetSetting)) -> SettingChange:
    """Set one key. A value that is not valid is refused, and nothing is written."""
    return await gateway.change(set_setting, gateway.now, wanted.key, wanted.value)


@routes.delete("/v3/config")
async def delete_setting(gateway: GatewayOf, key: str = text("key", chars_max=400)) -> SettingChange:
    """Remove one key (`?key=`), so that its default holds again."""
    change = await gateway.change(unset_setting, gateway.now, key)
    if change is None:
        raise Refused(f"{key} is not set in {gateway.loaded.paths.config}; nothing was changed.", code=ErrorCode.not_found)
    return change
