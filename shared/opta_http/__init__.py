"""Code shared by the HTTP servers: the gateway, the desktop process and LMX."""
