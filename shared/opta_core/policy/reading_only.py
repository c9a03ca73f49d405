"""Plan mode: which calls only read. Everything else is refused, whatever the rules, the level and the user's answers allow.

A command runs when its line is plain and each of its programs is in the table, with options and operands that only read. What is not
known to read is refused: the model puts it into the plan instead.
"""

from opta_protocol.permissions import Risk
from opta_protocol.tools.delegating import AGENT

from .actions import Action, PolicyRequest
from .option_checks import veto

FIX = "Put it into the plan: it can be done once the user accepts the plan"
# Pages are read; these act on them.
_ACTING = frozenset({"browser_click", "browser_type", "browser_fill_form", "browser_select", "browser_press"})
# Programs that read with every option that `option_checks` lets through.
_READERS = frozenset(
    """
    cd pwd echo true false ls cat head tail wc grep egrep fgrep rg find tree file stat du df diff cmp comm sort cut tr nl tac rev fold column
    basename dirname realpath readlink which whoami id uname date nproc arch md5sum sha1sum sha256sum cksum strings od hexdump jq
    """.split()
)
# Subcommands of git that read, and words that may follow those which read only with them.
_GIT = frozenset(
    """
    status log diff show blame annotate ls-files ls-tree rev-parse rev-list describe shortlog grep merge-base name-rev for-each-ref
    diff-tree count-objects whatchanged cherry show-ref version
    """.split()
)
_GIT_LISTING = {
    "branch": frozenset({"-a", "-r", "-v", "-vv", "--all", "--list", "-l", "--show-current", "--remotes"}),
    "tag": frozenset({"-l", "--list", "-n"}),
    "remote": frozenset({"-v", "--verbose"}),
    "stash": frozenset({"list"}),
    "worktree": frozenset({"list"}),
    "submodule": frozenset({"status"}),
}


def problem(request: PolicyRequest) -> str:
    """Why a call does more than read, as a sentence for the model; '' when it only reads."""
    tool = request.tool
    if tool == AGENT.name:
        if request.args.get("read_only") is True:
            return ""
        return "plan mode only reads: start the sub-agent with read_only"
    if request.command is not None:
        if not request.command.is_plain:
            return f"plan mode runs only simple commands that read, and this one is not simple ({request.command.why}). {FIX}"
        doing = next((action for action in request.actions if not _only_reads(action)), None)
        return f"plan mode runs only commands that read, and {doing.subject[:80]} may change something. {FIX}" if doing is not None else ""
    if request.actions[0].risk in (Risk.write, Risk.execute) or tool in _ACTING:
        return f"plan mode only reads, and {tool} may change something. {FIX}"
    return ""


def _only_reads(action: Action) -> bool:
    if not action.argv or action.loss or action.writes or action.script_loss or veto(action.argv, action.program):
        return False
    name, words = action.argv[0], action.argv[1:]
    if name != "git":
        return name in _READERS
    subcommand = next(iter(words), "--version")
    if subcommand in ("--version", "version"):
        return True
    listing = _GIT_LISTING.get(subcommand)
    if listing is not None:
        return all(word in listing for word in words[1:]) and (len(words) > 1 or subcommand in ("branch", "tag", "remote"))
    return subcommand in _GIT
