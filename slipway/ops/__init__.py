"""A person's side of the work inside an environment: find the place, ask, serve, show."""
