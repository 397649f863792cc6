"""The editions of the homework, and the files that they ask for."""

from pathlib import Path

from parity_tests.assignments.mlp.inside.homework_names import PLAIN, SGD_PARAMETERS

MODULE = "neural_networks"
"""The file a submission consists of, without its `.py`."""
UTILS = "utils"
"""The file that students are given, which may be absent: then one is lent, the solution's but for `LENT`."""
LENT = {PLAIN: Path(__file__).parent / "lent" / "edition_2022_23" / "utils.py"}
"""The support files of editions whose own differs from the solution's."""
EDITIONS = tuple(SGD_PARAMETERS)
INERT_MODULES = {PLAIN: ("tqdm", "matplotlib")}
"""Modules that an edition uses beyond numpy, and that do nothing here."""
UNSUPPORTED = {"dnn_misc.py": "2017-18"}
"""A file that only an edition has whose layout Parity does not know."""
_SPELLINGS = {"lam": "_lambda", "alpha": "_alpha", "eta": "_learning_rate"}


def signature(edition: str) -> str:
    """The parameters of SGD as the homework writes them: "(model, momentum, _lambda, _alpha, _learning_rate)"."""
    return f"({', '.join(_SPELLINGS.get(name, name) for name in SGD_PARAMETERS[edition])})"
