"""What every process shares: the message bus, settings, paths, logs, secrets, the process runner, and the transcript reducer."""
