"""Taking a backup: snapshot, dump, roles, row counts, one at a time."""
