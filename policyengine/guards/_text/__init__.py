"""What guards share for reading texts."""
