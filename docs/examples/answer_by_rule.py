"""Answer permission questions by a rule of your own. The rules of the user still decide first: only what they ask about comes here."""

from pathlib import Path

from opta_cli.client import Client, new_key
from opta_cli.view import SessionView
from opta_protocol import wire
from opta_protocol.events import PermissionRequest

client = Client.of_home()
session = client.post("/v3/sessions", {"cwd": str(Path.cwd()), "mode": "do", "interactive": True})
turn = client.post(f"/v3/sessions/{session['id']}/turns", {"text": "Please write a file"}, new_key())["turnId"]

view = SessionView()
for line in client.events(session["id"], 0):
    event = wire.decode(line)
    view.apply(event)
    if isinstance(event, PermissionRequest):
        decision = "allow" if event.name == "write_file" and event.args["path"].endswith(".txt") else "deny"
        path = f"/v3/sessions/{event.sid}/permissions/{event.requestId}"
        client.post(path, {"decision": decision, "client": "my program"})
        print(decision, event.name, event.args["path"])
    if view.turn(turn).outcome is not None:
        break
print("ended:", view.turn(turn).outcome.name)
