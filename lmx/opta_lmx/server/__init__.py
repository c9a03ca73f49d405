"""The HTTP server of LMX: the application, who may ask, administration, figures and discovery."""
