"""What the service can do, apart from HTTP and from SQL."""
