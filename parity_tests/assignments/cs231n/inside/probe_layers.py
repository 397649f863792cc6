"""Puts layers, losses, dropout and update rules to a submission.

The submission's process loads this file by its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from parity_tests.harness.inside.asking import Asker, Spies, laid_out, plain

if TYPE_CHECKING:
    from parity_tests.harness.inside.asking import Arrays, Params
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission


def layer(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Forwards and backwards in the order of `calls`, each ["forward" or "backward", number of its input].

    With "setting" a dict is the last argument, the one whose number "dicts" has for the input: it begins with "setting"
    and what is its own. Its entries in "kept" are kept after each forward. Every backward in "backward" is asked with
    the cache of the forward. Which of the `parts` each function calls is told. With "times" the forward of an input is
    called so often, and the last call is kept.
    """
    asker = Asker(recorder)
    dicts: dict[int, dict[str, Any]] = {}
    forward = found_or_failed(submission, recorder, params["forward"], ["out"], 0)
    caches: dict[int, Any] = {}
    arguments: dict[int, list[np.ndarray]] = {}
    backwards = {name: found_or_failed(submission, recorder, name, [], 0) for name in params["backward"]}
    spies = Spies(submission, params["parts"])
    returned = _Returned(recorder)
    for method, k in params["calls"]:
        memory = params["memory"][k]
        if method == "forward":
            given: list[Any] = [laid_out(arrays[f"{name}_{k}"], memory) for name in params["arrays"]]
            labels, arguments[k] = list(params["arrays"]), list(given)
            if params["setting"] is not None:
                setting = _dict_of(k, params, arrays, dicts)
                given += [*params["extra"], setting]
                labels += [""] * (len(params["extra"]) + 1)
            failed = forward is None
            with spies.on(params["forward"]):
                for _ in range(params["times"][k] - 1 if "times" in params and not failed else 0):
                    recorder.call("out of a call before", forward, *map(_copied, given), call=k)
                found = recorder.FAILED if failed else asker.ask(forward, ["out"], given, labels, k)
            if failed:
                recorder.keep("out", found, k)
            caches[k] = cache_of(found)
            returned.called(method, k, ["out"], found)
            failed = not isinstance(found, list) or found[0] is None
            recorder.add_fact(f"given {k}", _is_given(caches[k], given, params, arrays, k))
            for name in params["kept"]:
                recorder.keep(name, recorder.FAILED if failed else plain(setting.get(name)), k)
        else:
            for number, function in enumerate(params["backward"]):
                names = [f"{'alt ' * number}d{name}" for name in params["arrays"]]
                dout = laid_out(arrays[f"dout_{k}"], memory)
                backward = backwards[function]
                if backward is None:
                    found_or_failed(submission, recorder, function, names, k)
                else:
                    before = [argument.tobytes() for argument in arguments[k]]
                    with spies.on(function):
                        found = asker.ask(backward, names, [dout, caches[k]], ["dout", ""], k)
                    returned.called(method, k, names, found)
                    after = zip(params["arrays"], before, arguments[k], strict=True)
                    if written := [name for name, was, argument in after if argument.tobytes() != was]:
                        recorder.add_overwritten(names[0], k, written)
                    if params["derivative"] and k == 0 and isinstance(found, list):
                        said = _derivative(forward, found, params, arrays)
                        recorder.add_fact(f"derivative {number}", said)
    recorder.add_fact("calls", spies.calls)
    recorder.add_fact("changed later", returned.changed)


def _copied(given: Any) -> Any:
    return given.copy() if isinstance(given, np.ndarray) else given


class _Returned:
    """What calls returned: what a call with another input changes of it is kept anew, as it is then."""

    def __init__(self, recorder: CallRecorder) -> None:
        self.changed: list[list[Any]] = []
        self._recorder = recorder
        self._kept: list[tuple[str, int, str, np.ndarray, bytes]] = []

    def called(self, method: str, k: int, names: Sequence[str], found: Any) -> None:
        """Look at what was returned before of calls in the same direction, and note what this one returned."""
        for number, (way, of, name, array, was) in enumerate(self._kept):
            now = np.ndarray.tobytes(array)
            if way == method and now != was:
                self._kept[number] = (way, of, name, array, now)
                if of != k:
                    self._recorder.keep(name, array, of)
                    self.changed.append([name, of])
        pieces = zip(names, found, strict=False) if isinstance(found, list) else ()
        arrays = ((name, piece) for name, piece in pieces if isinstance(piece, np.ndarray))
        self._kept += [(method, k, name, array, np.ndarray.tobytes(array)) for name, array in arrays]


def _is_given(cache: Any, given: Sequence[Any], params: Params, arrays: Arrays, k: int) -> bool:
    """Whether a cache holds nothing but what the forward was given, as it was given, and plain numbers and texts."""
    inputs = [arrays[f"{name}_{k}"] for name in params["arrays"]]

    def alike(one: np.ndarray) -> bool:
        return any(one.shape == array.shape and one.tobytes() == array.tobytes() for array in inputs)

    if isinstance(cache, np.ndarray):
        return alike(cache)
    if isinstance(cache, (tuple, list)):
        return all(_is_given(one, given, params, arrays, k) for one in cache)
    if isinstance(cache, dict):
        return any(cache is one for one in given) or all(
            _is_given(one, given, params, arrays, k) for one in cache.values()
        )
    return isinstance(cache, (int, float, str))


def _dict_of(k: int, params: Params, arrays: Arrays, dicts: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """The dict that input k comes with, in its mode; `dicts` are those that there are, by their numbers."""
    given = params["dicts"][k]
    number = given["of"]
    if number not in dicts:
        starts = {name: arrays[f"{name}_of_{number}"].copy() for name in given["starts"]}
        dicts[number] = {**params["setting"], **given["own"], **starts}
    dicts[number].update(params["modes"][k])
    return dicts[number]


def _derivative(forward: Any, gradients: list[Any], params: Params, arrays: Arrays) -> list[float]:
    """What the gradients and two central differences of the forward itself say of one direction, and their scale.

    The step of the first difference is `derivative`, that of the second half of it. Empty where they cannot be had.
    """
    rng = np.random.default_rng(0)
    directions = {name: rng.standard_normal(arrays[f"{name}_0"].shape) for name in params["arrays"]}
    dout, step = arrays["dout_0"], params["derivative"]

    def moved(by: float) -> float:
        given: list[Any] = [arrays[f"{name}_0"] + by * directions[name] for name in params["arrays"]]
        if params["setting"] is not None:
            given += [*params["extra"], {**params["setting"], **params["modes"][0]}]
        return float((forward(*given)[0] * dout).sum())

    try:
        pairs = zip(gradients, directions.values(), strict=False)
        said = sum(float((np.reshape(g, d.shape) * d).sum()) for g, d in pairs)
        first, second = ((moved(h) - moved(-h)) / (2 * h) for h in (step, step / 2))
        return [float(said), first, second, abs(moved(0.0)) + abs(said)]
    except Exception:  # whatever its forward does with other inputs
        return []


def loss(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """A loss with its gradient, for each input."""
    asker = Asker(recorder)
    for k in range(params["inputs"]):
        given = [laid_out(arrays[f"x_{k}"], params["memory"][k]), arrays[f"y_{k}"].copy()]
        asker.ask(submission.get(params["function"]), ["loss", "dx"], given, ["x", "y"], k)


ANY_MASK = "dx of a mask of ones"


def dropout(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Forwards, then their backwards; `calls` are the settings of each, the same ones one dict, as layers share it.

    Before the call `put_back` numpy's generator is put back to where it was at first: who uses no seed draws the same.
    """
    asker = Asker(recorder)
    forward, backward = submission.get("dropout_forward"), submission.get("dropout_backward")
    caches = []
    dicts = {tuple(setting.items()): dict(setting) for setting in params["calls"]}
    at_first = np.random.get_state()
    for k, setting in enumerate(params["calls"]):
        if k == params["put_back"]:
            np.random.set_state(at_first)
        given = [laid_out(arrays["x"], ""), dicts[tuple(setting.items())]]
        found = asker.ask(forward, ["out"], given, ["x", ""], k)
        caches.append(cache_of(found))
    for k, cache in enumerate(caches):
        asker.ask(backward, ["dx"], [laid_out(arrays["dout"], ""), cache], ["dout", ""], k)
    if all(cache is recorder.FAILED for cache in caches):  # a backward that is not written shows it by any cache
        given = [laid_out(arrays["dout"], ""), ({**params["calls"][0]}, np.ones_like(arrays["x"]))]
        shown = recorder.call(ANY_MASK, backward, *given)
        failed = recorder.failures.get((ANY_MASK, 0))
        if shown is None or (failed is not None and failed["failure"] == "missing"):
            for k in range(len(caches)):
                said = "dropout_backward is not implemented: it returns None"
                recorder.fail("dx", said, "missing", k, "dropout_backward")


def steps(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """An update rule over several steps, for several weights in turn, each with a config of its own.

    `states` are the names of arrays that the config begins with, `changes` what each step sets in it before,
    `times` how often it is then made; the last is kept.
    """
    asker = Asker(recorder)
    rule = submission.get(params["rule"], params["module"])
    weights = {i: arrays[f"w_{i}"].copy() for i in range(params["weights"])}
    configs: dict[int, Any] = {}
    for i in weights:
        states = {name: arrays[f"{name}_{i}"].copy() for name in params["states"]}
        configs[i] = None if params["config"] is None else {**params["config"], **states}
    for t, change in enumerate(params["changes"]):
        for i in weights:
            config = configs[i]
            if config is not None:
                config.update(change)
            for _ in range(params["times"][t]):
                given = [np.array(weights[i]), arrays[f"dw_{i}"][t].copy(), config]
                found = asker.ask(rule, [f"w_{i}"], given, ["", "dw", ""], t)
                if found is recorder.FAILED or not isinstance(found[0], np.ndarray):
                    _fail_later(recorder, params, list(weights), (t, i))
                    return
                weights[i] = np.array(found[0])
                config = configs[i] = found[1] if len(found) > 1 else config


def _fail_later(recorder: CallRecorder, params: Params, weights: list[int], at: tuple[int, int]) -> None:
    """What comes after the weight of this step, which was no array, fails."""
    for later in range(at[0], len(params["changes"])):
        for i in weights:
            if (later, i) > at:
                said = f"{params['rule']} returned no array before"
                recorder.fail(f"w_{i}", said, call=later, called=params["rule"])


def found_or_failed(submission: Submission, recorder: CallRecorder, name: str, names: list[str], k: int) -> Any:
    """A function of the submission, None where it has none; what it should return is then recorded as missing."""
    try:
        return submission.get(name)
    except Exception as error:
        for quantity in names:
            recorder.fail(quantity, f"{name} is missing: {error}", "missing", k, name)
        return None


def cache_of(found: Any) -> Any:
    """What a forward returned behind its output, None where that is nothing; a failure as it is."""
    if not isinstance(found, list):
        return found
    return found[1] if len(found) > 1 else None
