"""Runbooks that run: parsed, checked against the real commands, executed cell by cell, recorded."""
