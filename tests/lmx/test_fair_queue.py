"""The fair queue: slots in turn, limits, and requests that leave at any time."""

import pytest

from opta_core.errors import OptaError
from opta_lmx.engine_client.fair_queue import REQUESTS_MAX, REQUESTS_PER_CLIENT_MAX, SLOTS, FairQueue, Slot


class Clients:
    """Slots by client, and whose turn came in which order."""

    def __init__(self) -> None:
        self.queue, self.turns = FairQueue(), list[str]()

    def enter(self, client: str, *, is_batch: bool = False) -> Slot:
        """A slot that has entered the queue."""
        slot = Slot(client, lambda: self.turns.append(client), is_batch=is_batch)
        self.queue.enter(slot)
        return slot


def test_waiting_clients_get_slots_in_turn_and_the_greedy_one_is_refused() -> None:
    clients = Clients()
    greedy = [clients.enter("a") for _ in range(REQUESTS_PER_CLIENT_MAX)]
    with pytest.raises(OptaError, match="48 of them from this client"):
        clients.enter("a")
    for _ in range(REQUESTS_MAX - REQUESTS_PER_CLIENT_MAX):
        clients.enter("b")
    with pytest.raises(OptaError, match="64 requests are queued"):
        clients.enter("c")
    for slot in greedy[:4]:
        clients.queue.leave(slot)
        clients.queue.leave(slot)
    assert clients.turns == ["a"] * SLOTS + ["a", "b", "a", "b"]
    assert (len(clients.queue), clients.queue.waiting) == (REQUESTS_MAX - 4, REQUESTS_MAX - 4 - SLOTS)


def test_a_request_that_leaves_while_it_waits_takes_no_slot_along() -> None:
    clients = Clients()
    running = [clients.enter("a") for _ in range(SLOTS)]
    waiting = [clients.enter(client) for client in "abab"]
    clients.queue.leave(waiting[1])
    clients.queue.leave(running[0])  # the first that waits gets this slot and leaves at once
    clients.queue.leave(waiting[0])
    clients.queue.leave(running[1])
    assert [slot.state for slot in waiting] == ["outside", "outside", "running", "running"]
    assert (len(clients.queue), clients.queue.waiting) == (SLOTS, 0)
    for slot in [*running, *waiting]:
        clients.queue.leave(slot)
    assert len(clients.queue) == 0
    assert [clients.enter("c").state for _ in range(SLOTS)] == ["running"] * SLOTS


def test_batch_requests_run_when_no_other_request_waits() -> None:
    clients = Clients()
    running = [clients.enter("a") for _ in range(SLOTS)]
    batch, interactive = clients.enter("b", is_batch=True), clients.enter("c")
    clients.queue.leave(running[0])
    assert (batch.state, interactive.state) == ("waiting", "running")
    clients.queue.leave(running[1])
    assert batch.state == "running"


def test_a_request_that_lost_its_slot_is_admitted_whatever_the_limits() -> None:
    clients = Clients()
    slots = [clients.enter("a") for _ in range(REQUESTS_PER_CLIENT_MAX)]
    others = [clients.enter("b") for _ in range(REQUESTS_MAX - REQUESTS_PER_CLIENT_MAX)]
    clients.queue.leave(slots[0])
    clients.queue.enter_again(slots[0])
    assert (slots[0].state, len(clients.queue)) == ("waiting", len(slots) + len(others))
