"""What is kept of the database: backups taken, proven, pruned and restored."""
