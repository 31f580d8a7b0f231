"""Which model serves a request: tiers of models, how they fare, and how to choose in them."""
