"""The git worktrees of sessions: made, merged, kept, dropped, and repaired after a kill."""
