"""The sentence that tells what is wrong with one quantity of one case."""

from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.quantity import Quantity


def sentence_of(case: Case, quantity: Quantity, comparison: Comparison) -> str:
    """The sentence about a comparison, with the title of its case; "" for a match."""
    if not comparison.problem:
        return ""
    if comparison.sentence and case.check in ("main", "import"):  # which run of main, or which file, they begin with
        return comparison.problem
    if comparison.sentence:
        return f"{case.title}: {comparison.problem}"
    return f"{case.title}: {quantity.name} {comparison.problem}"
