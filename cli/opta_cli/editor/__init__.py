"""`opta acp`: sessions of the daemon in an editor, over the Agent Client Protocol."""
