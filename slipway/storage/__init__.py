"""Where backups live: a folder, S3-compatible storage, or a folder at the other end of a channel."""
