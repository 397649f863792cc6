"""The numpy notebooks of the Deep Learning Specialization: one declaration each, as `C1W4` of `c1w4.toml`."""

from pathlib import Path

from parity_tests.declared.assignment import of_folder
from parity_tests.protocol.assignment import Assignment


def __getattr__(name: str) -> Assignment:
    """The assignment of a notebook, read when it is first asked for."""
    file = Path(__file__).parent / f"{name.lower()}.toml"
    if name != name.upper() or not file.is_file():
        raise AttributeError(name)
    assignment = globals()[name] = of_folder(file)
    return assignment
