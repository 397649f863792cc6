"""The exam: what of an assignment's questions is drawn from the seed."""

import hashlib
import random


def settings_of(seed: int, *words: str) -> random.Random:
    """A generator of the sizes and settings of one case, from SHA-256 of the exam's seed and some words.

    The same seed and words draw the same, alone or among others, with any version of numpy: its streams may change,
    those of `random.Random` for integers and `random()` do not.
    """
    digest = hashlib.sha256("|".join((str(seed), *words, "settings")).encode()).digest()
    return random.Random(int.from_bytes(digest, "big"))


def distinct(settings: random.Random, low: int, high: int, n: int) -> list[int]:
    """n different whole numbers from low to high: sizes that no mistake can confuse."""
    return settings.sample(range(low, high + 1), n)
