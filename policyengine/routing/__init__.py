"""Which model serves a request: what kind of task it is, tiers of models, how to choose in them."""
