"""Peekaboo, the browser as an MCP server on standard input and output: `python -m opta_browser`."""

import os
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from opta_core.home import home_from_environment
from opta_core.process.parent_death import die_with_parent

from .page import Browser, BrowserProblem

Target = Annotated[str, Field(description="ref of the last snapshot (e12), or a selector")]


class FormField(BaseModel):
    """One field of a form."""

    selector: str = ""
    ref: str = ""
    value: str


browser = Browser(home_from_environment() / "browser-snapshots", allows_local=os.environ.get("OPTA_BROWSER_LOCAL") == "1")


@asynccontextmanager
async def _lifespan(server: Any) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await browser.close()


server = MCPServer("peekaboo", lifespan=_lifespan, log_level="ERROR")


async def _reported(work: Awaitable[str]) -> str:
    try:
        return await work
    except BrowserProblem as problem:
        raise ToolError(str(problem)) from None


def _target(selector: str, ref: str) -> str:
    if not (selector or ref):
        raise ToolError("name what to act on: ref from a browser_snapshot, or selector")
    return ref or selector


@server.tool()
async def browser_navigate(url: str) -> str:
    """Open a page; gives its snapshot."""
    return await _reported(browser.navigate(url))


@server.tool()
async def browser_back() -> str:
    """Go back to the page before."""
    return await _reported(browser.back())


@server.tool()
async def browser_wait(text: str = "", seconds: float = 2.0) -> str:
    """Wait until a text appears, or some seconds."""
    return await _reported(browser.wait(text, seconds))


@server.tool()
async def browser_snapshot() -> str:
    """The page as an accessibility tree with refs to act on."""
    return await _reported(browser.snapshot())


@server.tool()
async def browser_click(selector: str = "", ref: str = "") -> str:
    """Click on an element."""
    return await _reported(browser.click(_target(selector, ref)))


@server.tool()
async def browser_type(text: str, selector: str = "", ref: str = "", submit: bool = False) -> str:
    """Type into a field; submit presses Enter after it."""
    return await _reported(browser.type_text(_target(selector, ref), text, submit=submit))


@server.tool()
async def browser_fill_form(fields: list[FormField] | None = None, selector: str = "", ref: str = "", value: str = "") -> str:
    """Set the fields of a form, several at once or one."""
    wanted = [(_target(field.selector, field.ref), field.value) for field in fields or []]
    if not wanted:
        wanted = [(_target(selector, ref), value)]
    return await _reported(browser.fill(wanted))


@server.tool()
async def browser_select(values: list[str], selector: str = "", ref: str = "") -> str:
    """Choose from a list, by value or label."""
    return await _reported(browser.select(_target(selector, ref), values))


@server.tool()
async def browser_press(key: str) -> str:
    """Press a key, such as Enter or Control+A."""
    return await _reported(browser.press(key))


@server.tool()
async def browser_screenshot(full: bool = False) -> str:
    """Save a picture of the page; full takes all of it."""
    return await _reported(browser.screenshot(full=full))


@server.tool()
async def browser_extract(selector: str = "") -> str:
    """The text of the page, or of one element."""
    return await _reported(browser.extract(selector))


@server.tool()
async def browser_console() -> str:
    """What the page wrote to its console."""
    return browser.console()


@server.tool()
async def browser_network() -> str:
    """What the page asked for over the network."""
    return browser.network()


@server.tool()
async def browser_evaluate(script: str) -> str:
    """The value of a JavaScript expression in the page."""
    return await _reported(browser.evaluate(script))


if __name__ == "__main__":
    die_with_parent()
    server.run("stdio")
