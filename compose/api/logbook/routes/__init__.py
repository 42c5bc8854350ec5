"""What the service answers over HTTP: reads the request, calls a service, says the result."""
