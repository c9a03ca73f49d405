"""The server's side of an engine process: starts it, queues requests for it, and restarts it."""
