"""Triage: from gathered evidence to the failure domain, its reason and its fix."""
