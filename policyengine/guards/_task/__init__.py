"""What a request asks of a model: its words, its shape, and what kind of task it is."""
