"""What the user added to the agent: the skills for a folder, and the hooks."""

import asyncio
import os

from opta_core import skills
from opta_core.hook_settings import find_program, missing_program
from opta_core.settings import environment
from opta_protocol.http_lists import HookInfo, HookList, SkillInfo, SkillList

from ..endpoint import GatewayOf, TypedRouter, any_folder

routes = TypedRouter()


@routes.get("/v3/skills")
async def list_skills(gateway: GatewayOf, cwd: str = any_folder()) -> SkillList:
    """The skills that models of a folder (`?cwd=`) can use, and which files are not used; without a folder, the user's."""
    found = await asyncio.to_thread(skills.find, gateway.loaded.paths, cwd)
    infos = [
        SkillInfo(name=each.name, description=each.description, origin=each.origin, path=each.path, isListed=each.is_listed)
        for each in found.skills
    ]
    return SkillList(skills=infos, problems=found.problems, folder=str(gateway.loaded.paths.skills))


@routes.get("/v3/hooks")
async def list_hooks(gateway: GatewayOf) -> HookList:
    """The user's hooks, in the order in which they run."""
    return await asyncio.to_thread(_hooks, gateway)


def _hooks(gateway: GatewayOf) -> HookList:
    folder, search_path = gateway.loaded.paths.hooks, environment().get("PATH", os.defpath)
    return HookList(
        hooks=[
            HookInfo(
                name=hook.title,
                on=hook.on,
                command=hook.command,
                tools=hook.tools,
                timeoutS=hook.timeout_s,
                isOpen=hook.is_open,
                problem="" if find_program(hook.command[0], folder, search_path) else missing_program(hook.command[0], folder),
            )
            for hook in gateway.settings().hooks
        ],
        file=str(gateway.loaded.paths.config),
        folder=str(folder),
    )
