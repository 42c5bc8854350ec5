"""How safely a machine is set up: facts read in one round trip, judged by pure functions."""
