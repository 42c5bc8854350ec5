"""A record made readable: Markdown, a page, a picture."""
