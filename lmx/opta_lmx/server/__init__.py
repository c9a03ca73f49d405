"""The HTTP server of LMX: application, access control, administration, metrics and discovery."""
