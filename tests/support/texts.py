"""Texts of a workspace without a tool-worker process: the real reading, and rules that a test sets."""

from dataclasses import dataclass, field

from opta_agent.session import AgentSession
from opta_core.transcript import Turn
from opta_protocol.commands import ShownText, ShowTexts, WantedText
from opta_tools.files import prompt_texts


@dataclass
class LocalTexts:
    """`turn_run.Texts` in this process. `refused`: path -> the rule that keeps it."""

    trusted: bool = True
    is_away: bool = False
    refused: dict[str, str] = field(default_factory=dict[str, str])
    readable: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list[str])

    async def show(self, session: AgentSession, wanted: list[WantedText]) -> list[ShownText]:
        if self.is_away:
            raise TimeoutError
        self.asked += [path for each in wanted for path in each.paths]
        return prompt_texts.show(ShowTexts(id=1, cwd=session.transcript.cwd, wanted=wanted), self.readable).texts

    async def is_trusted(self, session: AgentSession) -> bool:
        return self.trusted

    async def refusal(self, session: AgentSession, turn: Turn, path: str, *, is_folder: bool = False) -> str:
        return self.refused.get(path, "")
