"""The desktop process: serves the page and bootstraps it."""
