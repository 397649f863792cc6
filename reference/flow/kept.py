"""Answers as a JSON object and arrays, and back as they were: what outlives the process that computed them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reference.flow.evaluate import Answer, Forms
from reference.flow.flowed import Alternative, Flowed

Array = NDArray[Any]


def to_arrays(flowed: Mapping[str, Flowed], answer: Answer) -> tuple[dict[str, Any], dict[str, Array]] | None:
    """Each output of an answer, with the radii of those forms that were asked for.

    None where a factorisation leaves something free, or numbers are complex: that is computed each time.
    """
    outputs: list[dict[str, Any]] = []
    arrays: dict[str, Tensor] = {}
    for i, (name, one) in enumerate(flowed.items()):
        if one.free or one.arithmetic is not None or one.value.is_complex():
            return None
        arrays |= {f"{i} value": one.value, f"{i} radius": one.radius}
        for k, other in enumerate(one.alternatives):
            arrays |= {f"{i} {k} value": other.value, f"{i} {k} radius": other.radius, f"{i} {k} where": other.where}
        for table, known in (("form", answer.by_form), ("bound", answer.bounds_by_form)):
            arrays |= {f"{i} {table} {form}": radii[name] for form, radii in known.items()}
        outputs.append(
            {
                "name": name,
                "kind": one.kind,
                "probability": one.probability,
                "guaranteed": one.guaranteed,
                "conserved": one.conserved,
                "notes": [other.note for other in one.alternatives],
                "forms": list(one.forms),
            }
        )
    conditions = dict(next(iter(flowed.values())).conditions) if flowed else {}
    return {"outputs": outputs, "conditions": conditions}, {key: x.numpy() for key, x in arrays.items()}


def from_arrays(
    header: Mapping[str, Any], arrays: Mapping[str, Array], again: Callable[[], Mapping[str, Flowed]]
) -> dict[str, Flowed]:
    """What `to_arrays` was given; a form that nobody had asked for is of the answer that `again` computes."""
    tensors = {key: torch.from_numpy(np.asarray(array)) for key, array in arrays.items()}

    def known_or(prefix: str, computed: Callable[[], Mapping[str, Tensor]]) -> Callable[[str], Tensor]:
        return lambda form: tensors[prefix + form] if prefix + form in tensors else computed()[form]

    found = {}
    for i, one in enumerate(header["outputs"]):
        name = one["name"]
        found[name] = Flowed(
            value=tensors[f"{i} value"],
            radius=tensors[f"{i} radius"],
            kind=one["kind"],
            alternatives=tuple(
                Alternative(tensors[f"{i} {k} value"], tensors[f"{i} {k} radius"], tensors[f"{i} {k} where"], note)
                for k, note in enumerate(one["notes"])
            ),
            forms=Forms(one["forms"], known_or(f"{i} form ", lambda name=name: again()[name].forms)),  # type: ignore[misc]
            form_bounds=Forms(one["forms"], known_or(f"{i} bound ", lambda name=name: again()[name].form_bounds)),  # type: ignore[misc]
            probability=one["probability"],
            guaranteed=one["guaranteed"],
            conserved=one["conserved"],
            conditions=header["conditions"],
        )
    return found
