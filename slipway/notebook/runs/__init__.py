"""A run: what it does and asks, from its first look to its end or its resumption."""
