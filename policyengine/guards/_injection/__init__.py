"""Parts of the guard `injection`."""
