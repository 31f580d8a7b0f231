"""Limits on money, rates, parallel requests and steps: what a request adds to which counters.

One kind of clause, one file. A limit says what a request asks for (`Meter`); stores count.
"""
