"""Puts cases to a variant of the shipped network in this very process: quick, and only for code that we wrote."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import random
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.inside import probe
from parity_tests.harness.inside.call_recorder import CaseOver, Missing, Witness
from parity_tests.harness.process import runner
from parity_tests.harness.wire import frames as wire
from parity_tests.proof.variants import Variant
from parity_tests.protocol.observation import Observation

SECONDS = 5.0
FOLDER = "/variant"
"""Where the variant's files are said to lie; nothing is read from there."""


class _Submission:
    """What a probe is given of the submission, as in a worker."""

    folder = FOLDER

    def __init__(self, edition: str, module: types.ModuleType, utils: types.ModuleType) -> None:
        self.edition, self.module, self.support = edition, module, utils

    def get(self, name: str) -> Any:
        for module in (self.module, self.support):
            if name in vars(module):
                return vars(module)[name]
        raise Missing(f"neural_networks.py defines no {name}")


class Asker:
    """One variant, whose modules are executed afresh for every case. To be used in the main thread (it sets alarms)."""

    edition = "2019"

    def __init__(self, variant: Variant) -> None:
        self._codes: dict[str, types.CodeType] = {}
        for name, source in variant.files().items():
            self._codes[name.removesuffix(".py")] = compile(
                source, f"{FOLDER}{os.sep}{name}", "exec", dont_inherit=True
            )

    def ask(
        self, case: str, name: str, params: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], seed: int
    ) -> Observation:
        """The observation of one case, as a Runner would bring it."""
        gathered = runner._Gathered(case)

        def send(header: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
            copies = {key: np.array(array, copy=True) for key, array in sent.items()}
            gathered.take(wire.Message(dict(header), copies, 0))

        witness = Witness(send, FOLDER, wire.MAX_BODY)
        started = time.monotonic()
        with _room(), warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = witness.on_warning
            random.seed(seed)
            np.random.seed(seed % (1 << 32))
            witness.start_clock(SECONDS)
            try:
                modules = {name: types.ModuleType(name) for name in self._codes}
                for module in ("utils", "neural_networks"):
                    sys.modules[module] = modules[module]
                    exec(self._codes[module], vars(modules[module]))
                submission = _Submission(self.edition, modules["neural_networks"], modules["utils"])
                fresh = {key: np.array(array, copy=True) for key, array in arrays.items()}
                probe.PROBES[name](submission, witness, params, fresh)
            except CaseOver:
                pass
            except BaseException as error:
                witness.stop_clock()
                if isinstance(error, KeyboardInterrupt) and witness._place is None:
                    raise
                witness.fail("", error)
            finally:
                witness.stop_clock()
        return gathered.observation(time.monotonic() - started)


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """A scratch folder, the output thrown away, and the interpreter's state as it was afterwards."""
    before, modules = Path.cwd(), {name: sys.modules.get(name) for name in ("utils", "neural_networks")}
    state, numpy_state, errors = random.getstate(), np.random.get_state(), np.geterr()
    with tempfile.TemporaryDirectory(prefix="parity-") as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
            random.setstate(state)
            np.random.set_state(numpy_state)
            np.seterr(**errors)
            for name, module in modules.items():
                if module is None:
                    sys.modules.pop(name, None)
                else:
                    sys.modules[name] = module
            importlib.invalidate_caches()
