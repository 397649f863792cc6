"""The rules, one file a family: what each of torch's operations makes of radii, and how it rounds itself."""

from importlib import import_module

FAMILIES = (
    "arithmetic",
    "functions",
    "remainders",
    "products",
    "spreading",
    "moves",
    "choices",
    "extremes",
    "lookups",
    "pools",
    "special",
    "decompositions",
    "norms",
    "derivatives",
    "complex_numbers",
)


def load() -> None:
    """Register all rules."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")
