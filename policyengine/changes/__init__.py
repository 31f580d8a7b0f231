"""Facts about a proposed change, taken from git."""
