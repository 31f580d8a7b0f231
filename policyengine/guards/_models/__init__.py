"""Other models behind the guards `injection` and `topic`: on this machine or behind an address."""
