"""Certificates of an environment: obtained or taken from secrets, and handed to its edges."""
