"""The database: connections, its identity, sibling databases, reset, seed, query."""
