"""The parts of the guard `secrets`."""
