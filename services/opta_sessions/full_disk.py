"""The store's behaviour while the disk is full: which requests it refuses, and which turns end when that lasts too long."""

from collections.abc import Callable

from opta_protocol.error_info import ErrorCode, ErrorInfo
from opta_protocol.events import TurnError

from .session_state import SessionState
from .storage import Storage


class FullDisk:
    """The full-disk state. `on_recovered` runs when the disk works again after it failed for longer than turns may wait."""

    def __init__(self, storage: Storage, on_recovered: Callable[[], None]):
        self._storage, self._on_recovered = storage, on_recovered
        self._is_sync_failing = False

    def look(self) -> None:
        """Check whether the disk works again. Called often."""
        if not self._is_sync_failing and self._storage.look():
            self._on_recovered()

    def write_failed(self, error: OSError) -> None:
        """Note that an append failed."""
        self._storage.failed(error)

    def wrote(self) -> None:
        """Note that an append succeeded. It proves nothing while a sync fails."""
        if not self._is_sync_failing and self._storage.worked():
            self._on_recovered()

    def sync_failed(self, error: OSError) -> None:
        """Note that a sync failed. It is repeated until it succeeds."""
        self._storage.failed(error)
        self._is_sync_failing = True

    def synced(self) -> None:
        """Note that a sync succeeded."""
        if self._is_sync_failing:
            self._is_sync_failing = False
            self._storage.worked()


def refusal(error: OSError) -> ErrorInfo:
    """The error for a client whose event cannot be written."""
    reason = error.strerror or "I/O error"
    return ErrorInfo(
        code=ErrorCode.storage_full,
        message=f"No event can be written to the disk ({reason}). Free some space; accepted events are not lost.",
        retryable=True,
        retry_after_s=2,
    )


def ending(state: SessionState) -> TurnError | None:
    """The error that ends the turn which was running when the disk became full; None when there was none."""
    head = state.head()
    if head is None or not head.is_started:
        return None
    return TurnError(
        sid=state.sid,
        turn=head.turn,
        code=ErrorCode.storage_full,
        message="The disk was full for too long. The answer so far is kept; send the prompt again to continue.",
        domain="orchestration",
        retryable=True,
        resumable=True,
    )
