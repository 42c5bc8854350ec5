"""The reverse proxy: routes in, acknowledgement out."""
