"""Checkpoints: what turns changed in a workspace, so that it can be shown, undone and redone. Independent of version control."""
