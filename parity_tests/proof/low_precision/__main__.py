"""`python -m parity_tests.proof.low_precision [VARIANTS [DRAWS]]`: faults that are told, right programs that agree.

Prints two tables: of each fault in how many draws it is told at each length, and of each kind of right program how many
were tried and called wrong. Exit status 1 where a fault is not told or a right program is called wrong.
"""

from __future__ import annotations

import sys

import torch

from parity_tests.proof.jury import line
from parity_tests.proof.low_precision.faults import FAULTS, LENGTHS, try_length
from parity_tests.proof.low_precision.honest import Tried, tried

VARIANTS, DRAWS = 10_000, 5


def main(arguments: list[str]) -> int:
    """The tables."""
    variants, draws = [int(number) for number in arguments] + [VARIANTS, DRAWS][len(arguments) :]
    torch.set_num_threads(1)
    lengths = {terms: try_length(terms, draws) for terms in LENGTHS}
    print(line("told by `hold`, of the draws", *(f"{n:,} terms" for n in LENGTHS), "`assert_close`", "mean square"))
    print(line(*["---"] * (len(LENGTHS) + 3)))
    missed = 0
    for fault in FAULTS:
        told = [length.told[fault] for length in lengths.values()]
        missed += sum(one.draws - one.hold for one in told)
        cells = [f"{one.hold} of {one.draws}" for one in told]
        whole = sum(one.draws for one in told)
        others = [f"{sum(getattr(one, name) for one in told)} of {whole}" for name in ("close", "mean")]
        print(line(fault, *cells, *others))
    print(line("change noticed (median)", *(f"{x.resolution:.2g}" for x in lengths.values()), "", ""))
    alarms = sum(length.alarms for length in lengths.values())
    header = ("tried", "elements", "called wrong", "explained by a form", "undecided", "normalised error")
    print(f"\n{line('right programs of', *header)}\n{line(*['---'] * 7)}")
    found = tried(variants)
    found["all"] = sum(found.values(), Tried())
    for name, one in found.items():
        cells = [f"{n:,}" for n in (one.variants, one.elements, one.alarms, one.forms, one.undecided)]
        print(line(name, *cells, f"{one.worst:.3f}"))
    for sentence in found["all"].said[:20]:
        print(sentence, file=sys.stderr)
    return int(missed + alarms + found["all"].alarms > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
