"""The session store: the only process that writes session journals and numbers their events."""
