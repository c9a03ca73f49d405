"""Ask, and print the answer as it comes."""

import sys
from pathlib import Path

from opta_cli.client import Client, new_key
from opta_cli.view import SessionView
from opta_protocol import wire

client = Client.of_home()
session = client.post("/v3/sessions", {"cwd": str(Path.cwd()), "mode": "do", "interactive": False})
turn = client.post(f"/v3/sessions/{session['id']}/turns", {"text": "Say hello"}, new_key())["turnId"]

view = SessionView()
for line in client.events(session["id"], 0):
    for part in view.apply(wire.decode(line)):
        if part.kind == "answer":
            print(part.text, end="")
    if view.turn(turn).outcome is not None:
        break
sys.exit(view.turn(turn).outcome)
