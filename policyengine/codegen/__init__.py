"""From a checked bundle to a program of Python code."""
