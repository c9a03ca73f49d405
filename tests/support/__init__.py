"""Fakes and real things that tests share."""
