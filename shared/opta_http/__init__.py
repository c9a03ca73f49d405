"""What the HTTP servers share: the gateway, the desktop process and LMX."""
