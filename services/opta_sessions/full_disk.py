"""What the store does while the disk takes no writes: whom it refuses, and which turns end when that lasted too long."""

from collections.abc import Callable

from opta_protocol.error_info import ErrorCode, ErrorInfo
from opta_protocol.events import TurnError

from .session_state import SessionState
from .storage import Storage


class FullDisk:
    """The full-disk state. `on_recovered` runs once the disk works again after it failed for longer than turns are kept waiting."""

    def __init__(self, storage: Storage, on_recovered: Callable[[], None]):
        self._storage, self._on_recovered = storage, on_recovered
        self._is_sync_failing = False

    def look(self) -> None:
        """Called often: notices that the disk works again."""
        if not self._is_sync_failing and self._storage.look():
            self._on_recovered()

    def write_failed(self, error: OSError) -> None:
        """An append failed."""
        self._storage.failed(error)

    def wrote(self) -> None:
        """An append succeeded. While a sync fails that proves nothing."""
        if not self._is_sync_failing and self._storage.worked():
            self._on_recovered()

    def sync_failed(self, error: OSError) -> None:
        """A sync failed; it is tried again until it succeeds."""
        self._storage.failed(error)
        self._is_sync_failing = True

    def synced(self) -> None:
        """A sync succeeded."""
        if self._is_sync_failing:
            self._is_sync_failing = False
            self._storage.worked()


def refusal(error: OSError) -> ErrorInfo:
    """The answer to a client whose event cannot be written."""
    reason = error.strerror or "I/O error"
    return ErrorInfo(
        code=ErrorCode.storage_full,
        message=f"The disk takes no more events ({reason}). Free some space; nothing accepted is lost.",
        retryable=True,
        retry_after_s=2,
    )


def ending(state: SessionState) -> TurnError | None:
    """The end of the turn that was running into the full disk; None when none was."""
    head = state.head()
    if head is None or not head.is_started:
        return None
    return TurnError(
        sid=state.sid,
        turn=head.turn,
        code=ErrorCode.storage_full,
        message="The disk was full for too long. What was shown is kept; ask again to continue.",
        domain="orchestration",
        retryable=True,
        resumable=True,
    )
