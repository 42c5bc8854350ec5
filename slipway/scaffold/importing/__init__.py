"""Projects of others: an old compose project read, and what the new one's files are."""
