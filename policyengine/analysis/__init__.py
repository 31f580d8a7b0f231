"""How well rules find what they should, measured on labelled texts."""
