"""opta models exam: small agent tasks with a check that can be verified, run by the real agent loop of the daemon."""
