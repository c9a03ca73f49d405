"""How it is carried: bus, settings, paths, logs, process frame, transcript fold."""
