"""Which folders' instructions (AGENTS.md, CLAUDE.md) and which list of skills a model can read in a prompt, by the events of its turns."""

from collections.abc import Iterable
from dataclasses import dataclass

from opta_core.transcript import Injected, Transcript, Turn

# The source of the list of skills, which is no file.
SKILLS_SOURCE = "skills"


@dataclass(frozen=True)
class KnownFile:
    """The newest text about the instructions of a folder: from which file, what they were, and its characters in the prompt."""

    source: str
    edition: str
    chars: int


@dataclass(frozen=True)
class EndedFile:
    """What a turn that has ended read: the seq of the turn, and what it was."""

    turn_seq: int
    known: KnownFile


@dataclass(frozen=True)
class InjectedRecord:
    """What is remembered of ended turns, as it is kept in a snapshot."""

    files: list[EndedFile]
    lists: list[EndedFile]


class InjectedFiles:
    """Remembers ended turns; the running turn is an argument. The journal holds both, so the next agent knows the same."""

    def __init__(self, record: InjectedRecord | None = None) -> None:
        self._ended: list[EndedFile] = record.files if record else []
        self._lists: list[EndedFile] = record.lists if record else []

    def record(self) -> InjectedRecord:
        """What is remembered, for a snapshot."""
        return InjectedRecord(self._ended, self._lists)

    def take(self, turns: Iterable[Turn]) -> None:
        """Remember turns that have ended, once each, oldest first."""
        for turn in turns:
            self._ended += [EndedFile(turn.seq, _known(part)) for part in _files(turn)]
            self._lists += [EndedFile(turn.seq, _known(part)) for part in turn.injected if part.source == SKILLS_SOURCE]

    def readable(self, transcript: Transcript, running: Turn) -> dict[str, KnownFile]:
        """Folder -> its instructions that the prompt of the running turn holds."""
        begin = max(transcript.clearedTo, transcript.compactedTo)
        ended = [each.known for each in self._ended if each.turn_seq > begin]
        return {folder_of(known.source): known for known in [*ended, *map(_known, _files(running))]}

    def skills(self, transcript: Transcript, running: Turn) -> str:
        """The edition of the list of skills that the prompt of the running turn holds; '' for none."""
        begin = max(transcript.clearedTo, transcript.compactedTo)
        lists = [part.edition for part in running.injected if part.source == SKILLS_SOURCE]
        return next(reversed([*(each.known.edition for each in self._lists if each.turn_seq > begin), *lists]), "")

    def summarised(self, transcript: Transcript, running: Turn) -> list[str]:
        """The folders whose instructions gave way to a summary, and are not in the prompt again."""
        readable = self.readable(transcript, running)
        covered = [each.known for each in self._ended if transcript.clearedTo < each.turn_seq <= transcript.compactedTo]
        return [folder for folder in dict.fromkeys(folder_of(known.source) for known in covered) if folder not in readable]


def folder_of(source: str) -> str:
    """The folder of a file of the workspace, '' for the workspace itself."""
    return source.rpartition("/")[0]


def _files(turn: Turn) -> list[Injected]:
    return [part for part in turn.injected if part.edition and part.source != SKILLS_SOURCE]


def _known(part: Injected) -> KnownFile:
    return KnownFile(part.source, part.edition, len(part.text))
