"""What holds for all tests of the harness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from numpy.typing import NDArray

from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.cli import main
from parity_tests.examples.chromium import Browser, find
from parity_tests.harness.process.available_levels import problem
from parity_tests.harness.sandbox.isolation import LEVELS
from parity_tests.selftest import shared
from parity_tests.selftest.fake_grading import threads
from parity_tests.selftest.runners import shorten_grace


@pytest.fixture(autouse=True)
def outside_a_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run the command as a person does, also where they themselves are a step of a GitHub workflow."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", autouse=True)
def _shared_by_checks() -> Iterator[None]:
    """Checks, the command's among them, share servers and what was judged; commands in their own processes do not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("parity_tests.harness.check.Runner", shared.runner)
        patch.setattr("parity_tests.harness.check.judge_observed", shared.judgement)
        patch.setattr("parity_tests.proof.judged_variants.fork_servers", shared.of_session)
        patch.setattr("parity_tests.proof.judged_variants.cache_of", shared.cache_of_session)
        # A test that changes a reference is not answered by what another process has kept.
        patch.setattr("parity_tests.harness.flow_answers.kept_between_processes", lambda _: nullcontext())
        yield


@pytest.fixture
def no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class is graded in this process, which has torch and fork servers already, as one that does much work has;
    test_grade and test_process_pool start others."""
    monkeypatch.setattr("parity_tests.grading.check_class.local_processes", threads)
    monkeypatch.setattr("parity_tests.grading.task._servers", shared.of_session())


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What will not end by itself is waited for no longer than a submission that is expected to overstay."""
    shorten_grace(monkeypatch)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One thread for torch and numpy: of small arrays threads would only wait for one another, large ones they sum in
    another order."""
    import torch  # takes a second, and most modules ask for none of it
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1, "blas"):
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=[level for level in LEVELS if level != "none"])
def level(request: pytest.FixtureRequest) -> str:
    """Each level of isolation that works here."""
    name: str = request.param
    if problem(name):
        pytest.skip(f"isolation level {name}: {problem(name)}")
    return name


@pytest.fixture(scope="session")
def digits() -> dict[str, NDArray[Any]]:
    """22 / 11 / 10 real digits of 10×10 pixels."""
    few = small_digits(22, 11, 10)
    return {name: getattr(few, name) for name in ("train_X", "train_y", "valid_X", "valid_y", "test_X", "test_y")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, open for a module; where there is none its tests are skipped."""
    if find() is None:
        pytest.skip("there is no Chromium: install the system's package chromium")
    with Browser() as opened:
        yield opened


@pytest.fixture
def parity(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command: exit status, output, errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run
