"""What an assignment took: a module is machinery only where it has nothing of the contract."""

from __future__ import annotations

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.examples.lines import machinery, main, own_words


def test_a_module_that_names_nothing_of_the_assignment_is_machinery() -> None:
    sources = {
        "own.general": '"""Adds."""\n\ndef add(a, b):\n    return a + b\n',
        "own.uses_it": '"""Adds."""\nfrom own.general import add\n',
        "own.names": '"""Names."""\nNAME = "batchnorm_forward"\n',
        "own.works_on_them": '"""Works."""\nfrom own import names\n',
        "own": '"""A package."""\n',
    }
    assert machinery(ASSIGNMENT, sources) == {"own.general", "own.uses_it"}
    assert {"batchnorm_forward", "optim", "2016-17", "network", "gamma"} <= own_words(ASSIGNMENT)


def test_cs231n_has_no_machinery_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["`cs231n`", "contract", "machinery"]
    folders = {row[0]: (int(row[1]), int(row[2])) for row in rows[2:]}
    assert folders.pop("in all") == tuple(map(sum, zip(*folders.values(), strict=True)))
    assert {machinery for _, machinery in folders.values()} == {0}
    assert {"itself", "inside/", "kinds/", "mistakes/"} <= set(folders)
