"""Proposes questions: for each function or layer what is drawn, what is called, and what torch says of the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from parity_tests.declared.cases import shape_of
from parity_tests.declared.declaration import OPEN, TAKEN, is_shape
from parity_tests.declared.known import Known, called, functions
from parity_tests.declared.proposing.signatures import Layer, Module, Signature

_BACKWARD = {"backward", "bwd", "back", "backprop", "grad", "gradient", "gradients", "vjp"}
_SLOPE = {"derivative", "deriv", "prime"}
_NOTHING = {"forward", "fwd", "layer", "fn", "func", "function", "naive", "compute", "my", "get", "activation", "loss"}
_NOTHING |= {"cost", "numpy", "np", "apply", "calc", "calculate", "error"}
_HANDED_ON = re.compile(r"(_|\b)(cache|caches|context|ctx|meta|state|memory)(_|\b)", re.IGNORECASE)
_UPSTREAM = re.compile(
    r"d(out(put)?s?|[lyzahox]|values?|next)(_\w+)?|d[A-Z_]\w*|(grad|delta|upstream|top_diff)\w*|g", re.ASCII
)
_OF = re.compile(r"^(dL?_?d_?|d_?|grad_?(of_?)?|g_|delta_?)(?=\w)|_?grad$", re.IGNORECASE)
_DIFFERENT = 5, 7, 11, 13, 17, 19, 23, 29
"""Sizes by which a shape tells its letters."""
_USUAL = {"x": "N D", "w": "D M", "b": "M"}
"""What is drawn for a parameter of such a name, of a function that is not known."""


@dataclass
class Proposal:
    """A question as it is proposed, and what is said of it to whoever reads it; `open` is what is still to be said."""

    name: str
    signature: str
    given: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=dict)
    run: list[str] = field(default_factory=list)
    torch: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def leave_open(self, sentence: str) -> None:
        """Say what could not be proposed."""
        self.open.append(sentence)


@dataclass(frozen=True)
class Answers:
    """What somebody said in place of a proposal: torch's lines by function, and what is drawn by parameter."""

    torch: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Fit:
    """A known function as a submission calls it: its own names for what it takes, and the letters of their sizes."""

    known: Known
    names: dict[str, str]
    numbers: dict[str, Any]
    letters: dict[str, str]
    left: list[str]

    def draw(self, take: str) -> Any:
        """What is drawn, in the submission's letters."""
        told = self.known.takes[take]
        return _lettered(told, self.letters) if isinstance(told, str) else told


def questions(module: Module, wanted: Sequence[str], answers: Answers) -> list[Proposal]:
    """A question for each function or layer that is wanted; one for a function and its gradient together."""
    found, done = [], set[str]()
    for name in wanted:
        if name in module.layers:
            found.append(_of_layer(module.layers[name], answers))
        elif name not in done:
            forward, backward = _pair(module.functions, wanted, name)
            done |= {one.name for one in (forward, backward) if one is not None}
            found.append(_of_functions(forward, backward, set(module.functions), answers))
    return found


def _words(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower().strip("_").split("_")


def _is_backward(name: str) -> bool:
    """Whether a function gives a gradient, by its name."""
    words = _words(name)
    return not _candidates(words, set()) and (
        bool({*words} & (_BACKWARD | _SLOPE)) or words[0] in ("d", "grad", "delta")
    )


def _core(name: str) -> str:
    """What a function and its gradient share of their names."""
    words = [one for one in _words(name) if one not in _BACKWARD | _SLOPE | {"forward", "fwd"}]
    return "_".join(words[1:] if len(words) > 1 and words[0] in ("d", "delta") else words)


def _candidates(words: Sequence[str], without: set[str]) -> list[Known]:
    """The known functions that may be called so, with fewer and fewer of the words that say nothing."""
    kept = [one for one in words if one not in without]
    for tried in ("_".join(kept), "_".join(one for one in kept if one not in _NOTHING)):
        found = [one for one in functions().values() if one.like and re.fullmatch(one.like, tried)]
        if found:
            return found
    return []


def _known_as(name: str) -> list[Known]:
    words = _words(name)
    return _candidates(words, set()) or _candidates(_core(name).split("_"), set())


def _pair(
    functions: Mapping[str, Signature], wanted: Sequence[str], name: str
) -> tuple[Signature | None, Signature | None]:
    """A function and its gradient, of which one may be missing."""
    alike = [one for one in wanted if one in functions and _core(one) == _core(name)]
    forward = [one for one in alike if not _is_backward(one)]
    backward = [one for one in alike if _is_backward(one)]
    if name not in (*forward[:1], *backward[:1]):  # a second one of the same core stands alone
        return (None, functions[name]) if _is_backward(name) else (functions[name], None)
    return functions[forward[0]] if forward else None, functions[backward[0]] if backward else None


def _of_functions(forward: Signature | None, backward: Signature | None, taken: set[str], answers: Answers) -> Proposal:
    asked = [one for one in (forward, backward) if one is not None]
    made = Proposal(asked[0].name, "; ".join(_written(one) for one in asked), parts=[one.name for one in asked])
    name = asked[0].name
    line = answers.torch.get(name, "")
    fit = None if line else _fitting(made, _known_as(name), forward or _without_upstream(asked[0]), {})
    own = forward or asked[0]
    if forward is not None:
        results = _results(forward, taken, made)
        handed_on = next((one for one in backward.parameters if _HANDED_ON.search(one)), "") if backward else ""
        if handed_on and forward.is_empty and len(results) == 1:
            made.said.append(f"it is taken to return {handed_on} as well")
            results.append(handed_on)
        arguments = _given(made, forward, fit, answers)
        made.run.append(f"{', '.join(results)} = {forward.name}({', '.join(arguments)})")
    else:
        results = ["out"]
        if fit is not None:
            _given_of(made, fit, answers)
    _torch(made, fit, line, results, own, forward is not None)
    if fit is not None and forward is not None and fit.known.forward:
        made.texts[forward.name] = _reference(fit, results[0], "")
    if backward is not None:
        _gradient(made, fit, forward, backward, results, answers)
    if not made.given:
        made.leave_open("it is given nothing, so nothing can be drawn for it")
    return made


def _written(one: Signature) -> str:
    return f"{one.name}({', '.join(one.parameters)})"


def _without_upstream(backward: Signature) -> Signature:
    kept = {
        name: default
        for name, default in backward.parameters.items()
        if not (_UPSTREAM.fullmatch(name) or _HANDED_ON.search(name))
    }
    return Signature(backward.name, kept, (), backward.doc, backward.shapes, backward.is_empty)


def _fitting(
    made: Proposal, candidates: Sequence[Known], own: Signature, attributes: Mapping[str, tuple[str, ...]]
) -> _Fit | None:
    """The known function that a signature fits, whose sizes are those that it tells."""
    fits = [fit for known in candidates if (fit := _fit(known, own, attributes)) is not None]
    if not fits:
        what = f"its parameters are not those of {candidates[0].name}" if candidates else "its name is not known"
        made.leave_open(f"no counterpart in torch is proposed: {what}")
        return None
    shapes = {**own.shapes, **attributes}
    told = sorted((fit for fit in fits if _lettering(fit, shapes)), key=_alike, reverse=True)
    if not told:
        made.leave_open(f"the sizes that are given are not those of {fits[0].known.name}: {_shapes(shapes)}")
        return None
    fit = told[0]
    if len(told) > 1 and _alike(told[0]) == _alike(told[1]):
        made.said.append(f"nothing tells {' from '.join(one.known.name for one in told)}: the first is taken")
    return fit


def _alike(fit: _Fit) -> int:
    """How many sizes a submission calls as they are called here, by their first letter: `in_features` is an I."""
    return sum(own[:1] == letter[:1] for letter, own in fit.letters.items())


def _shapes(shapes: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{name} ({' × '.join(sizes)})" for name, sizes in shapes.items() if sizes)


def _fit(known: Known, own: Signature, attributes: Mapping[str, tuple[str, ...]]) -> _Fit | None:
    """What each of the takes is called, by name and then by place; None where one is lacking or too much is taken."""
    free = [*own.parameters]
    names: dict[str, str] = {}
    for take in known.takes:
        name = next((one for one in free if called()[take].fullmatch(one)), None) if take in called() else None
        if name is not None:
            names[take] = _name_of(name)
            free.remove(name)
    numbers: dict[str, Any] = {}
    for take, told in known.takes.items():
        if take in names:
            continue
        attribute = next((one for one in attributes if called()[take].fullmatch(one)), None)
        required = [one for one in free if own.required(one)]
        if attribute is not None and take != next(iter(known.takes)):
            names[take] = attribute
        elif isinstance(told, list):
            numbers[take] = next(iter(own.small)) if take == "eps" and len(own.small) == 1 else told[0]
        elif take in ("b", "beta", "gamma") and not required:
            numbers[take] = {"gamma": 1}.get(take, 0)
        elif required:
            names[take] = _name_of(required[0])
            free.remove(required[0])
        else:
            return None
    return None if any(own.required(one) for one in free) else _Fit(known, names, numbers, {}, free)


def _lettering(fit: _Fit, shapes: Mapping[str, tuple[str, ...]]) -> bool:
    """Give the letters of a known function those of a submission, where both have as many of them, one for each."""
    letters = _letters_in(fit.known.takes.values())
    sizes = dict(zip(letters, _DIFFERENT, strict=False))
    reserved = {*fit.names.values(), *TAKEN}
    for take, name in fit.names.items():
        if not (told := shapes.get(name)) or not isinstance(fit.known.takes[take], str):
            continue
        own = _drawn_shape(fit.known.takes[take], sizes)
        if own is None or len(own) != len(told):
            return False
        for size, word in zip(own, told, strict=True):
            letter = next((one for one, of in sizes.items() if of == size), "")
            if word.isdigit() or not letter:
                if word != str(size) and not letter:
                    return False
                continue
            if fit.letters.setdefault(letter, letter_of(word, reserved)) != letter_of(word, reserved):
                return False
    for letter in letters:  # no two sizes share a letter that nobody gave them
        if letter not in fit.letters:
            free = (one for k in count() if (one := letter + (str(k) if k else "")) not in fit.letters.values())
            fit.letters[letter] = letter_of(next(free), reserved)
    return True


def _letters_in(draws: Any) -> list[str]:
    text = " ".join(told for told in draws if isinstance(told, str))
    return list(dict.fromkeys(re.findall(r"(?<![\w.])[A-Z]\w*(?!\w)", text)))


def _drawn_shape(told: str, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """The shape of what is drawn, where the letters are these sizes; None where other inputs must be there."""
    import numpy as np

    if is_shape(told):
        return shape_of(told, sizes)
    try:
        return tuple(np.shape(eval(told, {"np": np, "rng": np.random.default_rng(0), **sizes})))
    except (NameError, TypeError, ValueError):
        return None


def letter_of(word: str, reserved: set[str]) -> str:
    """A size as declarations write it: a capital first, no underscores, no name that means something else."""
    found = "".join(part[:1].upper() + part[1:] for part in word.split("_"))
    return f"{found}s" if found in reserved else found


def _lettered(told: str, letters: Mapping[str, str]) -> str:
    if not letters:
        return told
    one = re.compile(rf"(?<![\w.])({'|'.join(letters)})(?!\w)")
    return one.sub(lambda found: letters[found[1]], told)


def _results(own: Signature, taken: set[str], made: Proposal) -> list[str]:
    """The names of what is returned, none of which means something else."""
    names: list[str] = []
    for k, name in enumerate(own.returns or ("out",)):
        base = name or ("out" if k == 0 else "more")
        while base in (*names, *own.parameters, *taken, *TAKEN) or base in made.given:
            base += "_out" if k == 0 else "_too"
        names.append(base)
    return names


def _given(made: Proposal, own: Signature, fit: _Fit | None, answers: Answers) -> list[str]:
    """What a function is called with; what is drawn for that is kept."""
    arguments: list[str] = []
    by_name = False
    takes = {} if fit is None else {name: take for take, name in fit.names.items()}
    for parameter, default in own.parameters.items():
        name = _name_of(parameter)
        if parameter in answers.given:
            made.given[name] = answers.given[parameter]
        elif fit is not None and name in takes:
            drawn = fit.draw(takes[name])
            made.given[name] = (
                [default, *drawn[1:]] if isinstance(drawn, list) and isinstance(default, float) else drawn
            )
        elif fit is not None or (default is not None and not isinstance(default, float)):
            made.said.append(f"{parameter} is left out of the call")
            by_name = True
            continue
        else:
            made.given[name] = _drawn(made, own, parameter)
        arguments.append(f"{parameter}={name}" if by_name or parameter in own.by_name else name)
    if fit is not None:
        _numbers(made, fit)
    return arguments


def _name_of(parameter: str) -> str:
    """What is drawn for a parameter is called like it, unless that means something else."""
    return f"{parameter}_in" if parameter in TAKEN else parameter


def _given_of(made: Proposal, fit: _Fit, answers: Answers) -> None:
    """What is drawn for a function that a submission has only the gradient of."""
    for take, name in fit.names.items():
        made.given[name] = answers.given.get(name, fit.draw(take))
    _numbers(made, fit)


def _numbers(made: Proposal, fit: _Fit) -> None:
    """What a known function takes and a submission does not: a number."""
    made.sizes |= {fit.letters[letter]: told for letter, told in fit.known.sizes.items()}
    for take, number in fit.numbers.items():
        made.said.append(f"{take} is taken to be {number}")


def _drawn(made: Proposal, own: Signature, name: str) -> Any:
    """What is drawn for a parameter of a function that is not known: by its docstring, its name, or its default."""
    default = own.parameters[name]
    if sizes := own.shapes.get(name):
        return " ".join(one if one.isdigit() else letter_of(one, {*own.parameters, *TAKEN}) for one in sizes)
    if isinstance(default, float):
        return [default, default / 2] if default else [default, 0.5]
    usual = next((draw for take, draw in _USUAL.items() if called()[take].fullmatch(name)), OPEN)
    if usual == OPEN:
        made.leave_open(f"what is drawn for {name} is not said")
    return usual


def _torch(made: Proposal, fit: _Fit | None, line: str, results: Sequence[str], own: Signature, is_asked: bool) -> None:
    """Torch's lines for what a function returns first, and for what else it returns that is no cache."""
    if fit is not None:
        words = fit.names | {take: repr(number) for take, number in fit.numbers.items()}
        value = _renamed_value(fit, words)
        made.torch.append(f"{results[0]} = {value}")
    elif line:
        made.open[:] = [one for one in made.open if not one.startswith("no counterpart")]
        made.torch += [f"{results[0]} = {line}"] if " = " not in line else line.split("; ")
    elif is_asked:
        made.torch += [f"{name} = {OPEN}" for name in results if not _HANDED_ON.search(name)]
    else:
        made.torch.append(f"{results[0]} = {OPEN}")
    rest = results[1:] if fit is not None or (line and " = " not in line) else []
    of = {name: _gradient_of(name, list(made.given)) for name in rest}
    if gradients := {name: x for name, x in of.items() if x}:
        made.torch.append(_grad(gradients, results[0], ""))
    if left := [name for name in rest if name not in gradients]:
        made.said.append(f"not compared: {', '.join(left)}")


def _renamed_value(fit: _Fit, words: Mapping[str, str]) -> str:
    from parity_tests.declared.known import renamed

    return renamed(fit.known.torch.partition(" = ")[2], words)


def _reference(fit: _Fit, results: str, ending: str, *more: str) -> str:
    """How the text of a known function is named in an assignment."""
    words = fit.names | {take: repr(number) for take, number in fit.numbers.items()}
    return f"{results} = {fit.known.name}{ending}({', '.join([*(words[one] for one in fit.known.takes), *more])})"


def _gradient_of(name: str, inputs: Sequence[str]) -> str:
    """The input that a result is the gradient in, by its name: `dx`, `dL_dx`, `grad_x`, `dLdA`; "" for none."""
    stripped = _OF.sub("", name).lower()
    alike = [one for one in inputs if one.lower() == stripped]
    return alike[0] if alike and stripped != name.lower() else ""


def _grad(gradients: Mapping[str, str], output: str, upstream: str) -> str:
    of = ", ".join(gradients.values())
    return f"{', '.join(gradients)} = grad({output}, {f'({of})' if len(gradients) > 1 else of}{upstream})"


def _gradient(
    made: Proposal,
    fit: _Fit | None,
    forward: Signature | None,
    backward: Signature,
    results: Sequence[str],
    answers: Answers,
) -> None:
    """What is called of the gradient, and what torch says of it."""
    inputs = _inputs(made, fit)
    unknown = [one for one in backward.parameters if _is_unknown(one, backward, made, results)]
    upstream = next((one for one in unknown if _UPSTREAM.fullmatch(one)), unknown[0] if len(unknown) == 1 else "")
    arguments: list[str] = []
    takes = {} if fit is None else {take: name for take, name in fit.names.items() if take in called()}
    for name in backward.parameters:
        if _name_of(name) in made.given or name in results:
            arguments.append(name if name in results else _name_of(name))
        elif name == upstream:
            made.given[_name_of(name)] = answers.given.get(name) or _like_output(made, fit, name)
            arguments.append(_name_of(name))
        elif _HANDED_ON.search(name) and len(results) > 1:
            arguments.append(results[-1])
        elif take := next((one for one in takes if called()[one].fullmatch(name)), ""):
            arguments.append(takes.pop(take))
        elif backward.required(name):
            made.leave_open(f"what {backward.name} is called with for {name} is not said")
            arguments.append(OPEN)
        else:
            made.said.append(f"{name} is left out of the call of {backward.name}")
    slope, upstream = {*_words(backward.name)} & _SLOPE, _name_of(upstream)
    given = f", {upstream}" if upstream else f", torch.ones_like({results[0]})" if slope else ""
    named = _named_gradients(made, backward, inputs)
    call = f"{backward.name}({', '.join(arguments)})"
    made.run.append(f"{', '.join(named)} = {call}")
    if not inputs or not all(named.values()):
        unclear = [name for name, x in named.items() if not x]
        made.leave_open(f"it is not said in what {', '.join(unclear)} is a gradient")
        made.torch.append(f"{', '.join(named)} = grad({results[0]}, {OPEN}{given})")
        return
    made.torch.append(_grad(named, results[0], given))
    _backward_text(made, fit, backward.name, named, upstream)


def _backward_text(made: Proposal, fit: _Fit | None, part: str, named: Mapping[str, str], upstream: str) -> None:
    """The right text of a gradient, where all that the text gives is returned."""
    if fit is None or not fit.known.backward:
        return
    of = {x: name for name, x in named.items()}
    assigned = [take for take in fit.known.takes if re.search(rf"^d{take} =", fit.known.backward, re.MULTILINE)]
    results = [of.get(fit.names.get(take, ""), "") for take in assigned]
    if all(results) and bool(upstream) == ("dout" in fit.known.backward):
        more = [upstream] if upstream else []
        made.texts[part] = _reference(fit, ", ".join(results), "_backward", *more)


def _inputs(made: Proposal, fit: _Fit | None) -> list[str]:
    """The inputs that have a gradient: arrays of real numbers."""
    named = (
        made.given if fit is None else {fit.names[one]: fit.draw(one) for one in fit.known.takes if one in fit.names}
    )
    return [name for name, told in named.items() if isinstance(told, str) and "integers" not in told]


def _is_unknown(name: str, backward: Signature, made: Proposal, results: Sequence[str]) -> bool:
    """Whether a parameter of a gradient is nothing that its function was given or gave."""
    return (
        backward.required(name)
        and _name_of(name) not in made.given
        and name not in results
        and not _HANDED_ON.search(name)
    )


def _named_gradients(made: Proposal, backward: Signature, inputs: Sequence[str]) -> dict[str, str]:
    """The results of a gradient, each with the input that it is in: by its name, else in their order, "" for none."""
    returned = [name for name in backward.returns if not _HANDED_ON.search(name or "")]
    if not returned:
        return {f"d{one}": one for one in inputs[:1] if one} or {"dx": ""}
    by_name = [_gradient_of(name, inputs) for name in returned]
    if not any(by_name) and (len(returned) == len(inputs) or len(returned) == 1):
        by_name = list(inputs[: len(returned)]) or [""]
    names = [name or f"d{x or k}" for k, (name, x) in enumerate(zip(returned, by_name, strict=True))]
    named = list(zip(names, by_name, strict=True))
    used = {*made.given, *(target for line in made.run for target in line.partition(" =")[0].split(", "))}
    others = [name if name not in used else f"d{x}" if f"d{x}" not in used else f"{name}_back" for name, x in named]
    return dict(zip(others, by_name, strict=True))


def _like_output(made: Proposal, fit: _Fit | None, name: str) -> str:
    """Sizes of the gradient that comes in: those of what torch's lines give for inputs of sizes that differ."""
    if any(OPEN in line for line in made.torch):
        made.leave_open(f"what is drawn for {name} follows from torch's line")
        return OPEN
    if fit is not None and fit.known.upstream:
        return _lettered(fit.known.upstream, {**fit.letters, **_in_draws(fit)})
    letters = _letters_in(made.given.values())
    sizes = dict(zip(letters, _DIFFERENT, strict=False))
    shape = output_shape(made.given, made.torch[:1], sizes)
    by_size = {size: letter for letter, size in sizes.items()}
    if shape is None or any(size not in by_size and size > 1 for size in shape):
        made.leave_open(f"what is drawn for {name} is not said: it has the shape of the output")
        return OPEN
    return " ".join(by_size.get(size, str(size)) for size in shape)


def _in_draws(fit: _Fit) -> dict[str, str]:
    return fit.names | {take: repr(number) for take, number in fit.numbers.items()}


def output_shape(given: Mapping[str, Any], lines: Sequence[str], sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """The shape of what torch's line gives for inputs of these sizes; None where it fails."""
    import numpy as np
    import torch
    import torch.nn.functional as F  # noqa: N812 - its usual name

    known: dict[str, Any] = {"np": np, "rng": np.random.default_rng(0), "torch": torch, "F": F, **sizes}
    try:
        for name, told in given.items():
            if isinstance(told, str):
                array = np.random.default_rng(0).standard_normal(shape_of(told, sizes)) if is_shape(told) else None
                known[name] = torch.as_tensor(np.asarray(eval(told, known)) if array is None else array)
            else:
                known[name] = told[0] if isinstance(told, list) else told
        exec("\n".join(lines), known)
        return tuple(known[lines[0].partition(" =")[0].split(",")[0]].shape)
    except Exception:  # lines that somebody wrote: whatever they raise, they give nothing
        return None


def _of_layer(layer: Layer, answers: Answers) -> Proposal:
    """A question on a class: its constructor, `forward`, `backward`, and the gradients that it leaves."""
    forward, backward = layer.methods["forward"], layer.methods.get("backward")
    own = f"{layer.name}.forward"
    made = Proposal(layer.name, f"{layer.name}.{_written(forward)}", parts=[own])
    attributes = {name: sizes for name, sizes in layer.attributes.items() if not _is_result(name)}
    line = answers.torch.get(layer.name, "")
    fit = None if line else _fitting(made, _known_as(layer.name), forward, attributes)
    if fit is not None and layer.constructor is not None:
        for name, default in layer.constructor.parameters.items():
            alike = (take for take in fit.numbers if called()[take].fullmatch(name) and isinstance(default, float))
            fit.numbers |= dict.fromkeys(alike, default)
    results = _results(forward, {layer.name, "layer"}, made)
    arguments = _given(made, forward, fit, answers)
    set_on = [] if fit is None else [name for name in fit.names.values() if name not in forward.parameters]
    for name in set_on:
        take = next(one for one, of in fit.names.items() if of == name) if fit is not None else ""
        made.given[name] = answers.given.get(name) or (fit.draw(take) if fit is not None else OPEN)
    made.run.append(f"layer = {layer.name}({', '.join(_constructed(made, layer, fit))})")
    made.run += [f"layer.{name} = {name}" for name in set_on]
    made.run.append(f"{', '.join(results)} = layer.forward({', '.join(arguments)})")
    _torch(made, fit, line, results, forward, True)
    if fit is not None and fit.known.forward:
        made.texts[own] = _reference(fit, results[0], "")
    if backward is not None:
        _backward_of(made, layer, fit, backward, results, set_on, answers)
    return made


def _is_result(attribute: str) -> bool:
    return _OF.sub("", attribute) != attribute


def _backward_of(
    made: Proposal,
    layer: Layer,
    fit: _Fit | None,
    backward: Signature,
    results: Sequence[str],
    set_on: Sequence[str],
    answers: Answers,
) -> None:
    """`backward` of a class, and the gradients of its parameters, where it leaves them as attributes."""
    part = f"{layer.name}.backward"
    made.parts.append(part)
    parameter = next(iter(backward.parameters), "")
    upstream = _name_of(parameter)
    if upstream and upstream not in made.given:
        made.given[upstream] = answers.given.get(parameter) or _like_output(made, fit, upstream)
    inputs = [name for name in _inputs(made, fit) if name not in set_on and name != upstream]
    if not inputs:
        made.leave_open("it is not said in what backward gives a gradient")
    named = _named_gradients(made, backward, inputs[:1]) if inputs else {"dx": OPEN}
    named = {name: x or OPEN for name, x in named.items()}
    made.run.append(f"{', '.join(named)} = layer.backward({upstream})")
    left = {name: x for name in layer.attributes if (x := _gradient_of(name, set_on))}
    made.run += [f"{name} = layer.{name}" for name in left]
    made.torch.append(_grad({**named, **left}, results[0], f", {upstream}" if upstream else ""))
    if unasked := [name for name in set_on if name not in left.values()]:
        made.said.append(f"no attribute is the gradient in {', '.join(unasked)}, so it is not asked")
    _backward_text(made, fit, part, {**named, **left}, upstream)


def _constructed(made: Proposal, layer: Layer, fit: _Fit | None) -> Iterator[str]:
    """What a class is made with: sizes by what its attributes' sizes are called, by its names, else what is open."""
    if layer.constructor is None:
        return
    letters = {word for sizes in layer.attributes.values() for word in sizes}
    drawn = [told for told in made.given.values() if isinstance(told, str) and is_shape(told)]
    for name, default in layer.constructor.parameters.items():
        if name in letters and (letter := letter_of(name, {*made.given, *TAKEN})) in _letters_in(drawn):
            yield letter
        elif default is not None:
            made.said.append(f"{name} is left out of {layer.name}(…)")
            return
        elif re.fullmatch(r"(n|num)_?(features|channels)?|dim|features|d|size|n_in|in\w*", name) and drawn:
            yield drawn[0].split()[1 if len(drawn[0].split()) > 1 else 0]
        else:
            made.leave_open(f"what {layer.name} is made with for {name} is not said")
            yield OPEN
