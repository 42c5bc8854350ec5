"""Migrations: read, reviewed, run once, and taken back."""
