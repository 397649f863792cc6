"""Compares what numpy alone says, exactly: of the file that students are given."""

from dataclasses import replace
from typing import Any

import numpy as np

from parity_tests.harness.compare import compare
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Failure, Returned
from reference.answer import known


def compare_exactly(result: Returned | Failure | None, want: Any) -> Comparison:
    """The comparison of a result with an exact one; it may hold the same numbers as integers or Booleans."""
    comparison = compare(result, known(np.asarray(want)))
    return replace(comparison, problem=comparison.problem.replace("torch says", "the assignment says"))
