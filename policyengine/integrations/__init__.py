"""Requests in other people's formats, as inputs of decision points. One file for each format."""
