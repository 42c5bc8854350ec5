"""A runbook held against the commands, files and shells that there are."""
