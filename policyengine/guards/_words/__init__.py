"""The parts of the guard `words`."""
