"""The HTTP API: what the staff does on its pages, for scripts and other tools, by key."""
