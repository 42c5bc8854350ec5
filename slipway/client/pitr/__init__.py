"""Point-in-time recovery: the archive of changes, and a second server recovered from it."""
