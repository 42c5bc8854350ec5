"""Restoring a backup, and proving by a drill that it can be."""
