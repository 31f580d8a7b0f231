"""Guards: each file finds one kind of thing in texts."""
