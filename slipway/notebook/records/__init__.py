"""What happened, written down before it is done, and read again."""
