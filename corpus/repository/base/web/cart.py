"""What somebody is about to buy."""


def total(prices: list[int]) -> int:
    return sum(prices)
