"""State that outlives a decision: stores (one file each), and the vault of reversible tokens.

`store.py` is the contract that every store keeps; `tests/state/test_stores.py` holds all of them
to it.
"""
