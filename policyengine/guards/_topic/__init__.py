"""What the guard `topic` is made of: words to vectors, vectors to scores, and own topics."""
