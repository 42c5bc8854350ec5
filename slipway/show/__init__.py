"""The only part that prints: progress to stderr, results to stdout, JSON from the same rows."""
