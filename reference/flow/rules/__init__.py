"""The rules, one file a family: what each of torch's operations makes of radii, and how it rounds itself."""

from importlib import import_module

FAMILIES = (
    "arithmetic",
    "functions",
    "gamma",
    "remainders",
    "products",
    "matrices",
    "spreading",
    "moves",
    "choices",
    "extremes",
    "lookups",
    "pools",
    "special",
    "alignments",
    "decompositions",
    "norms",
    "derivatives",
    "complex_numbers",
)


def load() -> None:
    """Register all rules."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")
