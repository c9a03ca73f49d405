"""An engine in the test's own process, and its messages."""

from pathlib import Path
from typing import Any

from opta_lmx.engine.mlx_engine import MlxEngine
from opta_lmx.ipc.messages import Delta, EngineConfig, EngineMessage, Failed, Finished, Generate, Tokenize, Tokens


class Served:
    """An engine; `said` has its messages."""

    def __init__(self, folder: Path, **more: Any):
        self.said: list[Any] = []
        self.engine = MlxEngine(
            EngineConfig(name=folder.name, folder=str(folder), **{"prefix_bytes": 2**28, "lookup": True, **more}), self._take
        )
        # What it said while the model was loaded is no answer.
        self.said.clear()
        self._number = 0
        self._asked: list[int] = []

    def _take(self, messages: list[EngineMessage]) -> None:
        self.said += messages

    def start(self, order: dict[str, Any]) -> int:
        """Start an order; returns its number."""
        self._number += 1
        defaults: dict[str, Any] = {"messages": [{"role": "user", "content": "Say something"}], "max_tokens": 40}
        self.engine.start(Generate(id=self._number, **{**defaults, **order}))
        self._asked.append(self._number)
        return self._number

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text."""
        self.said.clear()
        self.engine.take(Tokenize(id=0, text=text))
        (found,) = self.said
        assert isinstance(found, Tokens)
        self.said.clear()
        return found.ids

    def prompt(self, messages: list[dict[str, Any]]) -> list[int]:
        """The tokens of a conversation, as the chat template of the model renders it."""
        said, self.said = self.said, []
        self.engine.take(Tokenize(id=0, messages=messages))
        (found,) = self.said
        assert isinstance(found, Tokens)
        self.said = said
        return found.ids

    def cancel(self, number: int) -> None:
        """Cancel an order."""
        self.engine.cancel(number)
        self._asked.remove(number)

    def finish(self) -> list[tuple[str, list[Delta], Any]]:
        """Step until every started order is finished; (text, deltas, last message) of each."""
        while self.engine.is_busy:
            self.engine.step()
        found: list[tuple[str, list[Delta], Any]] = []
        for number in self._asked:
            pieces = [message for message in self.said if isinstance(message, Delta) and message.id == number]
            (end,) = [message for message in self.said if isinstance(message, Finished | Failed) and message.id == number]
            found.append(("".join(piece.text for piece in pieces), pieces, end))
        self._asked.clear()
        return found

    def ask(self, *orders: dict[str, Any]) -> list[tuple[str, list[Delta], Any]]:
        """Start orders together; (text, deltas, last message) of each."""
        self.said.clear()
        for order in orders:
            self.start(order)
        return self.finish()
