"""The engine process: `python -m opta_lmx.engine`. This package and `distributed` are the only ones that import mlx."""
