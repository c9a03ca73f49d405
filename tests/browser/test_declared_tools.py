"""The built-in browser serves exactly the tools that are declared: a turn is offered the declarations, before a browser starts."""

import asyncio

import pytest

from opta_browser.__main__ import server
from opta_protocol.tools.browser import BROWSER_TOOLS
from opta_protocol.tools.tool import AnyTool

SERVED = {tool.name: tool for tool in asyncio.run(server.list_tools())}


def test_every_browser_tool_is_declared_and_exists() -> None:
    assert set(SERVED) == {tool.name for tool in BROWSER_TOOLS}


@pytest.mark.parametrize("tool", BROWSER_TOOLS, ids=lambda tool: tool.name)
def test_a_browser_tool_takes_what_its_declaration_says(tool: AnyTool) -> None:
    served = SERVED[tool.name]
    declared = tool.function()["function"]
    assert served.description == declared["description"]
    schema = served.input_schema
    assert set(schema["properties"]) == set(declared["parameters"]["properties"])
    assert set(schema.get("required", [])) == set(declared["parameters"]["required"])
    for name, field in declared["parameters"]["properties"].items():
        assert schema["properties"][name].get("type") == field.get("type") or name == "fields", (tool.name, name)


def test_the_fields_of_a_form_are_declared_as_they_are_read() -> None:
    (fill,) = [tool for tool in BROWSER_TOOLS if tool.name == "browser_fill_form"]
    declared = fill.function()["function"]["parameters"]["properties"]["fields"]["items"]
    served = SERVED["browser_fill_form"].input_schema["$defs"]["FormField"]
    assert (set(declared["properties"]), declared["required"]) == (set(served["properties"]), served["required"])
