"""Images: named by their content, built, shipped over SSH, pushed to a registry."""
