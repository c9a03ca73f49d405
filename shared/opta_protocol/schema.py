"""JSON Schema of all messages, generated from the Structs. The file is committed, and CI checks that it is current."""

from typing import Any

import msgspec

from . import (
    http,
    http_changes,
    http_context,
    http_control,
    http_daemon,
    http_folders,
    http_lists,
    http_models,
    http_settings,
    http_triage,
    http_usage,
    http_worktree,
    lmx,
)
from .error_info import ErrorBody
from .events import EVENT_TYPES

REQUESTS: list[type[Any]] = [
    http.CreateSession,
    http.UpdateSession,
    http.SubmitTurn,
    http.StopTurn,
    http.AnswerPermission,
    http.AddNote,
    http.RepairSessionRequest,
    http_control.ResumeTurn,
    http_control.SteerTurn,
    http_control.EditText,
    http_control.PauseTurn,
    http_control.AnswerQuestion,
    http_control.ForkRequest,
    http_worktree.EndWorktreeRequest,
    http_changes.UndoTurnRequest,
    http_triage.DiagnoseRequest,
    http_triage.FixRequest,
    http_triage.ReplayRequest,
    http_triage.EvidenceRequest,
    http.CheckPolicy,
    http.GiveTrust,
    http.ApproveServer,
    http.StoreAccount,
    http.SetDefaultModel,
    http.AddProvider,
    http.LoadModel,
    http.UnloadModel,
    http.PullModel,
    http_settings.SetSetting,
    http_settings.ProviderTestRequest,
    http_settings.AddMcpServer,
    http_settings.PairLmxHost,
]
RESPONSES: list[type[Any]] = [
    http.Session,
    http.SessionList,
    http.TurnAccepted,
    http.EventPage,
    http.Ok,
    http.Repair,
    http.StopAnswer,
    http.PermissionAnswer,
    http.Ticket,
    http_daemon.Health,
    http_daemon.Daemon,
    http_daemon.ModelList,
    http_daemon.ProviderList,
    http_daemon.ProviderAdded,
    http_daemon.DiscoveredServers,
    lmx.LmxModels,
    lmx.LmxModelDetails,
    lmx.LmxUnloaded,
    lmx.LmxAvailable,
    lmx.LmxHubModel,
    lmx.LmxHubSearch,
    lmx.LmxPull,
    http_daemon.Metrics,
    http_changes.TurnUndoneAnswer,
    http_changes.TurnChanges,
    http_changes.SessionChanges,
    http_control.SteerAccepted,
    http_control.PauseAccepted,
    http_control.ForkAnswer,
    http_triage.Diagnosis,
    http_triage.FixDone,
    http_triage.Replay,
    http_worktree.WorktreeStatus,
    http_worktree.WorktreeEnded,
    http.Attachment,
    http.PolicyVerdict,
    http.PolicyRules,
    http.TrustState,
    http.SessionDetails,
    http_context.SessionContext,
    http_folders.FolderList,
    http_folders.FolderSuggestions,
    http_models.MachineModels,
    http_models.StartBench,
    http_models.ModelBench,
    http_models.BenchList,
    http_usage.UsageReport,
    http_lists.ToolCalls,
    http_lists.FileMatches,
    http_lists.OpenPermissions,
    http_lists.OpenQuestions,
    http_lists.GrantList,
    http_lists.CommandList,
    http_lists.SkillList,
    http_lists.McpServers,
    http_lists.AccountList,
    http_lists.LogLines,
    http_lists.HookList,
    http_settings.SettingChange,
    http_settings.SettingList,
    http_settings.PolicyLayers,
    http_settings.TrustedFolders,
    http_settings.ProviderTested,
    http_settings.LmxHosts,
    http_settings.FoundLmxHosts,
    ErrorBody,
]


def components() -> dict[str, Any]:
    """Name -> schema of every event, request and response. References are under `#/components/schemas/`."""
    _, found = msgspec.json.schema_components([*EVENT_TYPES.values(), *REQUESTS, *RESPONSES], ref_template="#/components/schemas/{name}")
    # `Raw` has no schema: an event page contains stored lines.
    found["EventPage"]["properties"]["events"] = {"type": "array", "items": {"$ref": "#/components/schemas/Event"}}
    found["Event"] = {"anyOf": [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in EVENT_TYPES.values()]}
    return dict(sorted(found.items()))


def document() -> dict[str, Any]:
    """The JSON Schema document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Opta daemon protocol v3",
        "components": {"schemas": components()},
    }
