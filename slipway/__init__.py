"""The engine: everything a task calls; it never imports invoke and never prints outside `show`."""
