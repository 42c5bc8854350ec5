"""From Markdown to a runbook, by GitHub's rules."""
