"""The wider answers to a question, and the words that say exactly what each of them covers."""

from collections.abc import Iterable

from opta_core.errors import Refused
from opta_core.policy import command_line, grants
from opta_core.policy.actions import PolicyRequest
from opta_core.policy.filters import is_filter
from opta_core.policy.grants import prefix_of
from opta_core.policy.verdict import CONTAINED, Verdict, scope_of, wants_network
from opta_protocol.permissions import Offer

from .permit import Network


def offers(request: PolicyRequest, verdict: Verdict, network: Network, earlier: Iterable[str] = ()) -> list[Offer]:
    """The wider answers to a question, the narrowest first; none that the rules would not honour the next time."""
    found: list[Offer] = []
    # What only passes on the output of another program adds nothing to what is asked.
    judged = [each for each in request.actions if not each.is_filter] or list(request.actions)
    action = judged[0]
    if wants_network(request) and network != "on":
        found.append(Offer(id="network", label="Allow, with network", preview="this once, and it may reach the internet"))
    if verdict.is_single or verdict.layer == "managed":
        return found
    subjects = " and ".join(dict.fromkeys(each.subject for each in judged if each.subject))
    label = " ".join(word for word in (request.tool, subjects) if word)
    each_alone = "each of these programs alone too, in this folder" if len(judged) > 1 else "exactly this, in this folder"
    found += _lasting("always", f"Always allow {label[:400]}", f"{each_alone}; opta policy list shows it", request)
    is_held = request.contained is not None and not request.contained.why and network == "off"
    if verdict.layer == "hard":
        return [*found, _for_session(request, network)] if is_held else found
    words = prefix_of(action.argv) if action.argv else ()
    if words and len(judged) == 1 and (len(action.argv) > len(words) or len(words) == 1):
        found += _lasting("prefix", f"Always allow {' '.join(words)} …", _would_have_matched(words, earlier), request)
    if action.kind != "run" or not wants_network(request):
        found.append(_for_session(request, network))
    if wants_network(request) and network != "on":
        label = "Allow plain commands in this session, installers and git with network"
        found.append(Offer(id="session-network", label=label, words=[label], folder=request.cwd))
    return found


def _lasting(name: str, label: str, preview: str, request: PolicyRequest) -> list[Offer]:
    """An answer that is written down, with the words that are; none for what cannot be granted."""
    try:
        new = grants.for_request(request, prefix=name == "prefix")
    except Refused:
        return []
    return [Offer(id=name, label=label, preview=preview, words=list(map(grants.words_of, new)), folder=new[0].cwd)]


def _for_session(request: PolicyRequest, network: Network) -> Offer:
    scope = scope_of(request)
    label = {"write": "Allow edits in the workspace in this session"}.get(scope, f"Allow {scope} in this session")
    words = [label]
    if scope == CONTAINED:
        label = "Allow commands in this session, as long as the sandbox contains them"
        words = [_PLAIN if network != "off" else _CONTAINED, _NOT_COVERED]
    return Offer(id="session", label=label, words=words, folder=request.cwd)


def _would_have_matched(words: tuple[str, ...], earlier: Iterable[str]) -> str:
    """What a grant of the first words would have covered of what this session asked for."""
    matched = {
        line
        for line in earlier
        if (parts := command_line.read(line).parts)
        and all(part.argv[: len(words)] == words or (part.joined_by == "|" and is_filter(part.argv)) for part in parts)
    }
    said = ", ".join(sorted(matched)[:5]) + (f" and {len(matched) - 5} more" if len(matched) > 5 else "")
    return f"any words may follow, in this folder; would have covered: {said}" if matched else "any words may follow, in this folder"


_CONTAINED = "any command in this folder, in the full sandbox without network: also scripts of the folder, loops, pipes and files that it writes there"
_PLAIN = "any plain command in this folder, in the sandbox"
_NOT_COVERED = (
    "asked again: what deletes, replaces or discards files, what names credentials, control files (.git, .opta, editors, CI) or other"
    " folders, what needs the network, what runs on in the background, and what cannot be read with certainty"
)
