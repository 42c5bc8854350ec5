"""Where backups live: a folder here, S3-compatible storage, or a folder far away."""
