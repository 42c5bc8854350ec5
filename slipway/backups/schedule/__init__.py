"""Scheduled backups: policy, crontab, retention, what became of each job."""
