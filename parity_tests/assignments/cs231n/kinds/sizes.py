"""Draws sizes and settings from the exam's seed."""

from random import Random


def distinct(settings: Random, low: int, high: int, n: int) -> list[int]:
    """n different whole numbers from low to high."""
    return settings.sample(range(low, high + 1), n)
