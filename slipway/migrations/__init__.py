"""Migrations: read, reviewed, run once, and rolled back."""
