"""Backups by the clock: policy, crontab, retention, what became of each job."""
