"""Proposes questions: for each function or class what is drawn, what is called, and what torch says of the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from parity_tests.declared.cases import shape_of
from parity_tests.declared.declaration import HANDED_ON, OPEN, TAKEN, handed_on, is_shape, targets
from parity_tests.declared.known import Known, called, functions, renamed
from parity_tests.declared.proposing.signatures import Layer, Module, Signature
from parity_tests.protocol.errors import UsageError

_BACKWARD = {"backward", "bwd", "back", "backprop", "grad", "gradient", "gradients", "vjp"}
_SLOPE = {"derivative", "deriv", "prime"}
_NOTHING = {"forward", "fwd", "layer", "fn", "func", "function", "naive", "compute", "my", "get", "activation", "loss"}
_NOTHING |= {"cost", "numpy", "np", "apply", "calc", "calculate", "error"}
_UPSTREAM = re.compile(r"d(out(put)?s?|[lyzahox]|values?|next)(_\w+)?|d[A-Z_]\w*|(grad|delta|upstream)\w*|g", re.ASCII)
_OF = re.compile(r"^(dL?_?d_?|d_?|grad_?(of_?)?|g_|delta_?)(?=\w)|_?grad$", re.IGNORECASE)
_DIFFERENT = 5, 7, 11, 13, 17, 19, 23, 29
"""Sizes by which a shape tells its letters."""
_ALONG = re.compile(r"\d[d)]")
"""What torch's line of a function holds that is of some sizes alone, as `softmax(x, -1)` and `max_pool2d` are."""
_USUAL = {"x": "N D", "w": "D M", "b": "M", "gamma": "D", "p": "N D", "t": "N D", "u": "N D"}
"""What is drawn for a parameter of such a name that picks no elements, of a function that is not known."""


@dataclass
class Proposal:
    """A question as it is proposed, and what is said of it to whoever reads it; `open` is what is still to be said."""

    name: str
    signature: str
    parts: list[str]
    given: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=dict)
    run: list[str] = field(default_factory=list)
    torch: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answers:
    """What somebody says in place of a proposal: torch's lines by function, and what is drawn by parameter."""

    torch: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Fit:
    """A known function as a submission calls it: `names` for what it takes, and numbers for what is not given.

    `words` are what a submission calls sizes, by the letters of the known function; `letters` those that it has itself.
    """

    known: Known
    names: Mapping[str, str]
    numbers: Mapping[str, Any]
    words: Mapping[str, str]

    @property
    def arguments(self) -> dict[str, str]:
        """What stands for each thing that is taken: a name or a number."""
        return {**self.names, **{take: repr(number) for take, number in self.numbers.items()}}

    def lettered(self, told: Any) -> Any:
        """What is drawn, without letters that are names of arguments."""
        taken = {
            letter: f"{letter}s" for letter in _letters(self.known.takes.values()) if letter in self.names.values()
        }
        return renamed(told, {**taken}) if isinstance(told, str) else told

    def text(self, results: str, ending: str, *more: str) -> str:
        """How the right text is named in an assignment."""
        given = [*(self.arguments[take] for take in self.known.takes), *more]
        return f"{results} = {self.known.name}{ending}({', '.join(given)})"


def questions(module: Module, wanted: Sequence[str], answers: Answers) -> list[Proposal]:
    """A question for each function or class that is wanted; one for a function and its gradient together."""
    found, done = [], set[str]()
    for name in wanted:
        if name in module.layers:
            found.append(_of_layer(module.layers[name], answers))
        elif name not in done:
            alike = [one for one in wanted if one in module.functions and _core(one) == _core(name)]
            pair = {_is_gradient(one): one for one in reversed(alike)}
            if len(pair) < 2 or name not in pair.values():
                pair = {False: name}
            done |= {*pair.values()}
            backward = module.functions[pair[True]] if True in pair else None
            found.append(_of_functions(module.functions[pair[False]], backward, {*module.functions}, answers))
    return found


# ---- what is known, by its name, what it takes and of which sizes


def _words(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower().strip("_").split("_")


def _is_gradient(name: str) -> bool:
    words = _words(name)
    return not _called(words) and bool({*words} & (_BACKWARD | _SLOPE) or words[0] in ("d", "grad", "delta"))


def _core(name: str) -> str:
    """What a function and its gradient share of their names."""
    words = [one for one in _words(name) if one not in _BACKWARD | _SLOPE | {"forward", "fwd"}]
    return "_".join(words[1:] if len(words) > 1 and words[0] in ("d", "delta") else words)


def _called(words: Sequence[str]) -> list[Known]:
    """The known functions that may be called so, with the words that say nothing or without."""
    for tried in ("_".join(words), "_".join(one for one in words if one not in _NOTHING)):
        if found := [one for one in functions().values() if one.like and re.fullmatch(one.like, tried)]:
            return found
    return []


def _fitting(made: Proposal, own: Signature, attributes: Mapping[str, tuple[str, ...]], name: str) -> _Fit | None:
    """The known function of this name that takes the same, in sizes such as are told."""
    candidates = _called(_words(name)) or _called(_core(name).split("_"))
    taking = [fit for known in candidates if (fit := _fit(known, own, attributes)) is not None]
    fits = [fit for fit in taking if fit.words or not fit.names]
    if not taking:
        unlike = f", since the parameters are not those of {candidates[0].name}" if candidates else ""
        made.open.append(f"torch's lines{unlike}")
    elif not fits:
        shapes = {name: sizes for name, sizes in {**own.shapes, **attributes}.items() if sizes}
        told = ", ".join(f"{name} ({' × '.join(sizes)})" for name, sizes in shapes.items())
        made.open.append(f"the sizes that are given are not those of {taking[0].known.name}: {told}")
    return max(fits, key=lambda fit: (_picks(fit, own.indices), _alike(fit))) if fits else None


def _picks(fit: _Fit, indices: Mapping[str, object]) -> bool:
    """Whether all that a submission picks elements by is drawn as whole numbers."""
    return all(
        str(fit.known.takes[take]).startswith("rng.integers") for take, name in fit.names.items() if name in indices
    )


def _alike(fit: _Fit) -> int:
    """How many sizes a submission calls as they are called here, by their first letter: `in_features` is an I."""
    return sum(letter.lower() == word[:1].lower() for letter, word in fit.words.items())


def _fit(known: Known, own: Signature, attributes: Mapping[str, tuple[str, ...]]) -> _Fit | None:
    """What each of the takes is called, by name and then by place; None where one is lacking or too much is taken."""
    free = [*own.parameters]
    names: dict[str, str] = {}
    numbers: dict[str, Any] = {}
    for take in (one for one in known.takes if one in called()):
        if name := next((one for one in free if called()[take].fullmatch(one)), ""):
            names[take] = name
            free.remove(name)
    for take, told in ((take, told) for take, told in known.takes.items() if take not in names):
        required = [one for one in free if own.required(one)]
        attribute = next((one for one in attributes if take in called() and called()[take].fullmatch(one)), None)
        if attribute is not None and names:
            names[take] = attribute
        elif isinstance(told, list):
            numbers[take] = next(iter(own.small)) if take == "eps" and len(own.small) == 1 else told[0]
        elif take in ("b", "beta", "gamma") and not required:
            numbers[take] = int(take == "gamma")
        elif required:
            names[take] = required[0]
            free.remove(required[0])
        else:
            return None
    if any(own.required(one) for one in free):
        return None
    drawn = {one for one in known.takes.values() if isinstance(one, str)}
    told = {_told(own, name) for take, name in names.items() if isinstance(known.takes[take], str)}
    if len(told) == len(drawn) == 1 and not _ALONG.search(known.torch):
        known = _of_sizes(known, *told, *drawn)
    words = _sizes(known, names, {**own.shapes, **attributes})
    return _Fit(known, {take: name_of(name) for take, name in names.items()}, numbers, words)


def _of_sizes(known: Known, told: str, drawn: str) -> Known:
    """A function of each element, or of all, as it is of as many axes as a docstring tells; it has no text then."""
    if not told or not is_shape(drawn) or len(told.split()) == len(drawn.split()):
        return known
    takes = {take: told if one == drawn else one for take, one in known.takes.items()}
    return replace(known, takes=takes, forward="", backward="")


def _sizes(known: Known, names: Mapping[str, str], shapes: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What the letters of a known function are called in what is told; none where that is of other sizes."""
    words = {letter: letter for letter in _letters(known.takes.values())}
    pairs = dict[str, str]()
    for take, name in names.items():
        told, drawn = shapes.get(name), known.takes[take]
        if told and isinstance(drawn, str):
            letters = drawn.split() if is_shape(drawn) else []
            shape = letters or output_shape({name: drawn}, "", name, _differing(known.takes.values()))
            if shape is None or len(shape) != len(told):
                return {}
            for letter, word in zip(letters, told, strict=False):
                if word.isdigit() != letter.isdigit() or pairs.setdefault(letter, word) != word:
                    return {}
    return words | pairs


def _differing(draws: Any) -> dict[str, int]:
    """By letter sizes by which a shape tells them."""
    return dict(zip(_letters(draws), _DIFFERENT, strict=False))


def _letters(draws: Any) -> list[str]:
    text = " ".join(told for told in draws if isinstance(told, str))
    return list(dict.fromkeys(re.findall(r"(?<![\w.])[A-Z]\w*(?!\w)", text)))


def name_of(parameter: str) -> str:
    """What is drawn for a parameter is called like it, unless that means something else."""
    return f"{parameter}_in" if parameter in TAKEN else parameter


# ---- a function and its gradient


def _of_functions(forward: Signature, backward: Signature | None, taken: set[str], answers: Answers) -> Proposal:
    asked = [one for one in (forward, backward) if one is not None]
    made = Proposal(forward.name, "; ".join(map(_written, asked)), [one.name for one in asked])
    line, gradients = _apart(answers.torch.get(forward.name, ""), forward, backward)
    fit = None if line else _fitting(made, forward, {}, forward.name)
    alone = {} if backward or fit or line else _alone(forward)
    results = [*alone] or _results(made, forward, taken, line)
    kept = [] if backward is None else [one for one in backward.parameters if HANDED_ON.search(one)]
    if forward.is_empty and len(results) == 1:
        results += kept
    elif kept and results[-1] == "more":
        results[-1] = kept[0]
    arguments = _given(made, forward, fit, answers)
    if fit is not None and backward is None and results[1:] == ["more"]:
        torch, sizes = renamed(fit.known.torch, fit.arguments), _differing(made.given.values())
        if output_shape(made.given, torch, torch.split()[0], sizes) == ():  # the gradient of a loss, then
            results[1] = f"d{_inputs(made, fit)[0]}"
    made.run.append(f"{', '.join(results)} = {forward.name}({', '.join(arguments)})")
    if alone:
        upstream = next(one for one in arguments if one not in alone.values())
        made.torch += [f"out = {OPEN}", _grad(alone, "out", f", {upstream}")]
    else:
        _torch(made, fit, line, results)
    if fit is not None and fit.known.forward:
        made.texts[forward.name] = fit.text(results[0], "")
    if backward is not None:
        _gradient(made, fit, backward, results, answers, gradients)
    if not made.given:
        made.open.append("it is given nothing, so nothing can be drawn for it")
    return made


def _apart(line: str, forward: Signature, backward: Signature | None) -> tuple[str, list[str]]:
    """What somebody says of a function, and of that which only its gradient returns."""
    lines = line.split("; ")
    of_gradient = set() if backward is None else {*backward.returns}.difference(forward.returns)
    gradients = [one for one in lines if (names := {*targets(one)}) and names <= of_gradient]
    return "; ".join(one for one in lines if one not in gradients), gradients


def _alone(own: Signature) -> dict[str, str]:
    """What a gradient without its function returns, each with the input that it is in; {} for any other function."""
    inputs = [one for one in own.parameters if own.required(one) and not _UPSTREAM.fullmatch(one)]
    is_one = _is_gradient(own.name) and len(inputs) == len(own.returns) == len(own.parameters) - 1
    names = {f"d{one}": one for one in inputs} if is_one else {}
    return {} if {"out", *names} & {*own.parameters, *TAKEN} or {*inputs} & {*TAKEN} else names


def _written(one: Signature) -> str:
    return f"{one.name}({', '.join(one.parameters)})"


def _results(made: Proposal, own: Signature, taken: set[str], line: str) -> list[str]:
    """The names of what is returned, none of which means something else: torch's own where it gives as many.

    Raises UsageError where it gives as many and they are not those of the names that are returned.
    """
    told = targets(line.replace("; ", "\n")) if " = " in line else []
    names: list[str] = []
    for k, name in enumerate(own.returns or ("out",)):
        base = name or ("out" if k == 0 else "more")
        while base in {*names, *own.parameters, *taken, *TAKEN}:
            base += "_out"
        names.append(base)
    if len(told) != len(names) or {one for one in names if not handed_on(one, own.parameters)} <= {*told}:
        return names
    if (len(names) > 1 and any(own.returns)) or {*told} & {*own.parameters, *taken, *TAKEN}:
        given = f"torch's lines give {', '.join(told)}: name them alike."
        raise UsageError(f"{own.name} returns {', '.join(names)}; {given}")
    if len(names) > 1:
        made.not_compared.append(f"{own.name}: its results are taken to be {', '.join(told)}, in this order")
    return told


def _given(made: Proposal, own: Signature, fit: _Fit | None, answers: Answers) -> list[str]:
    """What a function is called with; what is drawn for that is kept."""
    arguments: list[str] = []
    by_name = False
    constants = {one: told for one, told in answers.given.items() if not isinstance(told, str)}
    made.given |= {name_of(one): told for one, told in constants.items() if one in own.parameters}
    takes = {} if fit is None else {name: take for take, name in fit.names.items()}
    for parameter, default in own.parameters.items():
        name = name_of(parameter)
        if name in takes and fit is not None:
            drawn = fit.lettered(fit.known.takes[takes[name]])
            is_number = isinstance(drawn, list) and isinstance(default, float)
            made.given[name] = [default, *drawn[1:]] if is_number else drawn
        elif parameter in answers.given:
            made.given[name] = answers.given[parameter]
        elif fit is None and (default is None or isinstance(default, float)):
            made.given[name] = _drawn(made, own, parameter)
        else:
            made.said.append(f"{parameter} is left out of the call")
            by_name = True
            continue
        made.given[name] = answers.given.get(parameter, made.given[name])
        arguments.append(f"{parameter}={name}" if by_name or parameter in own.by_name else name)
    if fit is not None:
        made.sizes |= {fit.lettered(letter): told for letter, told in fit.known.sizes.items()}
        made.said += [f"{take} is taken to be {number}" for take, number in fit.numbers.items()]
    return arguments


def _drawn(made: Proposal, own: Signature, name: str) -> Any:
    """What is drawn for a parameter of a function that is not known: by its docstring, its name, or its default."""
    default = own.parameters[name]
    if name in own.indices and (labels := _labels(own, name)):
        return labels
    like = _weights_of(own, name) or name
    if usual := _told(own, name) or _told(own, like):
        return _above_0(made, usual, name) if name in own.roots else usual
    if isinstance(default, float):
        return [default, default / 2] if default else [default, 0.5]
    if name in "bB" and name not in own.indices and not any(map(called()["w"].fullmatch, own.parameters)):  # no bias
        return made.given.get("a") or made.given.get("A") or _USUAL["x"]
    likes = (draw for take, draw in _USUAL.items() if called()[take].fullmatch(like) and name not in own.indices)
    if name in own.exponents:  # the number of a step, say
        return [1, 5]
    usual = next(likes, OPEN)
    if usual == OPEN:
        made.open.append(f"what is drawn for {name}")
    return _above_0(made, usual, name) if name in own.roots and usual != OPEN else usual


def _weights_of(own: Signature, name: str) -> str:
    """The weights that a parameter is a gradient in, or is kept beside from step to step; "" for none."""
    of = {one: weights for one in own.parameters if (weights := _input_of(one, [*own.parameters]))}
    kept = [one for one in own.parameters if called()["w"].fullmatch(one)]
    of = of or {one: kept[0] for one in own.parameters if kept and re.fullmatch("grads?|gradients?", one)}
    is_kept = called()["v"].fullmatch(name) or any(name in back.split("_") for back in own.returns)
    is_kept = is_kept and name not in (*of.values(), *own.exponents)
    return of.get(name) or next(iter(of.values()), "") * bool(is_kept)


def _told(own: Signature, name: str) -> str:
    """The sizes that a docstring gives, as letters; "" where it gives none."""
    letters = ("".join(part[:1].upper() + part[1:] for part in one.split("_")) for one in own.shapes.get(name, ()))
    return " ".join(f"{one}s" if one in {*own.parameters, *TAKEN} else one for one in letters)


def _labels(own: Signature, name: str) -> str:
    """Whole numbers under the size of the axis along which they pick, of nothing drawn the last; "" for none."""
    usual = {
        one: _told(own, one) or next((draw for take, draw in _USUAL.items() if called()[take].fullmatch(one)), "")
        for one in own.parameters
        if one not in own.indices
    }
    array, axis = own.indices[name]
    matrix = usual.get(array) or next((draw for draw in usual.values() if len(draw.split()) == 2), "")
    letters, axis = matrix.split(), axis if array in usual else -1
    if not letters or axis >= len(letters):
        return ""
    sizes = ", ".join((_told(own, name) or (letters[0] if axis else "N")).split())
    return f"rng.integers(0, {letters[axis]}, {f'({sizes})' if ',' in sizes else sizes})"


def _above_0(made: Proposal, sizes: str, name: str) -> str:
    made.said.append(f"{name} is under a root, so it is drawn between 0 and 1")
    return f"rng.random(({', '.join(sizes.split())},))"


def _torch(made: Proposal, fit: _Fit | None, line: str, results: Sequence[str]) -> None:
    """Torch's lines for what a function returns first, and for the gradients that it returns."""
    if fit is not None:
        made.torch.append(f"{results[0]} = {renamed(fit.known.torch.partition(' = ')[2], fit.arguments)}")
    elif " = " in line:
        made.torch += line.split("; ")
        return
    else:
        made.torch.append(f"{results[0]} = {line or OPEN}")
    of = {name: _input_of(name, [*made.given]) for name in results[1:] if not handed_on(name, made.given)}
    if gradients := {name: x for name, x in of.items() if x}:
        made.torch.append(_grad(gradients, results[0], ""))
    still_open = [name for name, x in of.items() if not x and made.torch[0].endswith(OPEN)]
    made.torch += [f"{name} = {OPEN}" for name in still_open]


def _input_of(name: str, inputs: Sequence[str]) -> str:
    """The input that a result is the gradient in, by its name: `dx`, `dL_dx`, `grad_x`, `dLdA`; "" for none."""
    stripped = _OF.sub("", name).lower()
    return next((one for one in inputs if one.lower() == stripped != name.lower()), "")


def _grad(gradients: Mapping[str, str], output: str, upstream: str) -> str:
    of = ", ".join(gradients.values())
    return f"{', '.join(gradients)} = grad({output}, {f'({of})' if len(gradients) > 1 else of}{upstream})"


def _gradient(
    made: Proposal,
    fit: _Fit | None,
    backward: Signature,
    results: Sequence[str],
    answers: Answers,
    told: Sequence[str] = (),
    set_on: Sequence[str] = (),
    left: Mapping[str, str] | None = None,
) -> None:
    """What is called of the gradient, what torch says of it, beside the lines that are `told`, and the right text.

    Of a class `set_on` are the attributes that are set, and `left` the gradients that are left, with what they are in.
    """
    arguments, upstream = _called_with(made, fit, backward, results, answers)
    given = f", {upstream}" if upstream else ""
    if not upstream and {*_words(backward.name)} & _SLOPE:
        given = f", torch.ones_like({results[0]})"
    inputs = [name for name in _inputs(made, fit) if name not in (*set_on, upstream)]
    named = _gradients(made, backward, inputs if left is None else inputs[:1])
    method = backward.name if left is None else f"layer.{backward.name}"
    made.run.append(f"{', '.join(named)} = {method}({', '.join(arguments)})")
    made.torch += told
    named = {name: x for name, x in named.items() if name not in targets("\n".join(told))}
    if unclear := [name for name, x in named.items() if not x]:
        made.open.append(f"it is not said in what {', '.join(unclear)} is a gradient")
        made.torch.append(f"{', '.join(named)} = grad({results[0]}, {OPEN}{given})")
        return
    named |= left or {}
    made.torch += [_grad(named, results[0], given)] * bool(named)
    if fit is None or bool(upstream) != ("dout" in fit.known.backward):
        return
    of = {x: name for name, x in named.items()}
    assigned = [take for take in fit.known.takes if re.search(rf"^d{take} =", fit.known.backward, re.MULTILINE)]
    found = [of.get(fit.names.get(take, ""), "") for take in assigned]
    if assigned and all(found):
        made.texts[made.parts[-1]] = fit.text(", ".join(found), "_backward", *[upstream] * bool(upstream))


def _called_with(
    made: Proposal, fit: _Fit | None, backward: Signature, results: Sequence[str], answers: Answers
) -> tuple[list[str], str]:
    """What a gradient is called with, and which of that is the gradient that comes in, "" for none."""
    takes = {} if fit is None else {take: name for take, name in fit.names.items() if take in called()}
    known = {*made.given, *results}
    unknown = [
        one
        for one in backward.parameters
        if backward.required(one) and name_of(one) not in known and not HANDED_ON.search(one)
    ]
    upstream = next((one for one in unknown if _UPSTREAM.fullmatch(one)), unknown[0] if len(unknown) == 1 else "")
    arguments: list[str] = []
    for name in backward.parameters:
        if name_of(name) in known:
            arguments.append(name_of(name))
        elif name == upstream:
            made.given[name_of(name)] = answers.given.get(name) or _like_output(made, fit, name)
            arguments.append(name_of(name))
        elif HANDED_ON.search(name) and len(results) > 1:
            arguments.append(results[-1])
        elif take := next((one for one in takes if called()[one].fullmatch(name)), ""):
            arguments.append(takes.pop(take))
        elif backward.required(name):
            made.open.append(f"what {backward.name} is called with for {name} is not said")
            arguments.append(OPEN)
    return arguments, name_of(upstream)


def _inputs(made: Proposal, fit: _Fit | None) -> list[str]:
    """The inputs that have a gradient: arrays of real numbers, those of a known function in its order."""
    names = made.given if fit is None else [fit.names[take] for take in fit.known.takes if take in fit.names]
    told = ((name, made.given.get(name, OPEN)) for name in names)
    return [name for name, drawn in told if isinstance(drawn, str) and "integers" not in drawn]


def _gradients(made: Proposal, backward: Signature, inputs: Sequence[str]) -> dict[str, str]:
    """The results of a gradient, each with the input that it is in: by its name, else in their order, "" for none."""
    returned = [name for name in backward.returns if not HANDED_ON.search(name or "")]
    if not returned:
        return {f"d{inputs[0]}": inputs[0]} if inputs else {"dx": ""}
    of = [_input_of(name, inputs) for name in returned]
    in_order = all(x in ("", one) for x, one in zip(of, inputs, strict=False))
    if "" in of and in_order and inputs and len(returned) in (1, len(inputs)):
        of = list(inputs[: len(returned)])
        made.said += [f"the gradients are taken to be in {', '.join(of)}, in this order"] * (len(of) > 1)
    used = {*TAKEN, *made.given, *(target for line in made.run for target in line.partition(" =")[0].split(", "))}
    names = (name or f"d{x or k}" for k, (name, x) in enumerate(zip(returned, of, strict=True)))
    return {n if n not in used else f"d{x}{'_out' * (f'd{x}' in used)}": x for n, x in zip(names, of, strict=True)}


def _like_output(made: Proposal, fit: _Fit | None, name: str) -> str:
    """Sizes of the gradient that comes in: those of what torch's line gives for inputs of sizes that differ."""
    if fit is not None and fit.known.upstream:
        return renamed(fit.lettered(fit.known.upstream), fit.arguments)
    sizes = _differing(made.given.values())
    by_size = {size: letter for letter, size in sizes.items()}
    lines = "\n".join(one for one in made.torch if "grad(" not in one)
    shape = output_shape(made.given, lines, re.split(" =|,", made.run[-1])[0], sizes)
    if shape is None or any(size not in by_size and size > 1 for size in shape):
        made.open.append(f"what is drawn for {name} is not said: it has the shape of the output")
        return OPEN
    return " ".join(by_size.get(size, str(size)) for size in shape)


def output_shape(given: Mapping[str, Any], lines: str, result: str, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """The shape of what torch's lines give by this name for inputs of these sizes; None where they fail."""
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
        exec(lines, known)
        return tuple(known[result].shape)
    except Exception:  # lines that somebody wrote: whatever they raise, they give nothing
        return None


# ---- a class


def _of_layer(layer: Layer, answers: Answers) -> Proposal:
    """A question on a class: its constructor, `forward`, `backward`, and the gradients that it leaves."""
    forward, backward = layer.methods["forward"], layer.methods.get("backward")
    own = f"{layer.name}.forward"
    made = Proposal(layer.name, f"{layer.name}.{_written(forward)}", [own])
    attributes = {name: sizes for name, sizes in layer.attributes.items() if _OF.sub("", name) == name}
    line = answers.torch.get(layer.name, "")
    fit = None if line else _fitting(made, forward, attributes, layer.name)
    results = _results(made, forward, {layer.name, "layer"}, line)
    arguments = _given(made, forward, fit, answers)
    set_on: list[str] = []
    if fit is not None:
        takes = {name: take for take, name in fit.names.items() if name not in forward.parameters}
        set_on = [*takes]
        made.given |= {n: answers.given.get(n) or fit.lettered(fit.known.takes[take]) for n, take in takes.items()}
    made.run.append(f"layer = {layer.name}({', '.join(_constructed(made, layer, fit))})")
    made.run += [f"layer.{name} = {name}" for name in set_on]
    made.run.append(f"{', '.join(results)} = layer.forward({', '.join(arguments)})")
    _torch(made, fit, line, results)
    if fit is not None and fit.known.forward:
        made.texts[own] = fit.text(results[0], "")
    if backward is not None:
        made.parts.append(f"{layer.name}.backward")
        left = {name: x for name in layer.attributes if (x := _input_of(name, set_on))}
        _gradient(made, fit, backward, results, answers, (), set_on, left)
        made.run += [f"{name} = layer.{name}" for name in left]
        if unasked := [name for name in set_on if name not in left.values()]:
            made.said.append(f"no attribute is the gradient in {', '.join(unasked)}, so it is not asked")
    return made


def _constructed(made: Proposal, layer: Layer, fit: _Fit | None) -> Iterator[str]:
    """What a class is made with: sizes by what those of its attributes are called, else what is open."""
    if layer.constructor is None:
        return
    letters = {} if fit is None else {word: fit.lettered(letter) for letter, word in fit.words.items()}
    for name, default in layer.constructor.parameters.items():
        if name in letters:
            yield letters[name]
        elif default is not None:
            made.said.append(f"{name} is left out of {layer.name}(…)")
            return
        else:
            made.open.append(f"what {layer.name} is made with for {name} is not said")
            yield OPEN
