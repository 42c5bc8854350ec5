"""A load generator: constant rate, kept and new connections, GET and POST, all on record."""
