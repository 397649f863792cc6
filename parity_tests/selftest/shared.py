"""What the checks of a session share: fork servers, for a cold start takes many times as long, and what was judged."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT as CS231N
from parity_tests.assignments.mlp.assignment import ASSIGNMENT as MLP
from parity_tests.harness.exam import Exam
from parity_tests.harness.judgement_cache import JudgementCache, cache_of
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.stages import Judgement, judge_observed
from parity_tests.protocol.observation import Observation

JUDGED = JudgementCache()
"""Passing verdicts on cases of both assignments, as `parity grade` keeps them."""


def cache_of_session(solution: Path) -> JudgementCache:
    """The cache of an assignment's solution: that of all tests for these two, whose cases have other names."""
    return JUDGED if solution in (MLP.solution, CS231N.solution) else cache_of(solution)


@cache
def of_session() -> ForkServers:
    """The servers, which end with this process."""
    shared = ForkServers()
    atexit.register(shared.close)
    return shared


def runner(*arguments: Any, servers: ForkServers | None = None, isolation: str = "none", **options: Any) -> Runner:
    """A Runner, whose processes are forked off the shared servers where none are given and there is no isolation."""
    chosen = of_session() if servers is None and isolation == "none" else servers
    return Runner(*arguments, servers=chosen, isolation=isolation, **options)


def judgement(
    exam: Exam, observed: Iterator[Observation], *, cache: JudgementCache | None = None, **options: Any
) -> Judgement:
    """What judge_observed says, which does not judge again what it has judged right in this session."""
    known = any(exam.assignment.kinds is one.kinds for one in (MLP, CS231N))  # these judge, and nothing else does
    return judge_observed(exam, observed, cache=JUDGED if cache is None and known else cache, **options)
