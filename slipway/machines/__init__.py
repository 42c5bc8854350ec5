"""Machines: providers that make or adopt them, what is installed on them, the inventory."""
