"""The api service of Logbook: accounts, sessions and each person's own entries."""
