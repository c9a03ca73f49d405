"""The runner of the daemon's processes, and supervisord's configuration and client."""
