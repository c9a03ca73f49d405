"""Opta's native window: `python -m opta_desktop.window`, which `opta window` starts. Only the `qt_*` modules import Qt."""
