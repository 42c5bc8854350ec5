"""The database: migrations."""
