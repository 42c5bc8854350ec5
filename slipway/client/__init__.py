"""What runs at the operator's: finds the ops container, sends a request, serves a store to it."""
