"""The worker service of Logbook: does what may happen a moment after the answer."""
