"""Commands that talk to LMX without the daemon."""
