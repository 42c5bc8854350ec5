"""What comes from elsewhere, whole and spoilt, and what reads it."""
