"""The session-store: the only writer and sequencer of session journals."""
