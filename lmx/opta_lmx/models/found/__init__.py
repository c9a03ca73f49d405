"""Finds the models that are already on this machine, wherever a program put them. Everything here only reads."""
