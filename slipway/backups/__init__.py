"""Backups: taken beside the database, sealed, kept in a store, proven, restored."""
