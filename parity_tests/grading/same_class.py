"""Whether what is handed in now is of the class that a folder holds: two classes must never be mixed in one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from parity_tests.grading.folder import GradingFolder
from parity_tests.grading.intake.attempt import HandIn
from parity_tests.protocol.errors import UsageError
from reports.model.escape import path_text, printable

_NAMED = 2
"""Names that the sentence lists where there are more."""


def refuse_another_class(folder: GradingFolder, hand_ins: Sequence[HandIn], source: Path) -> None:
    """Raises UsageError where the folder has results, and none of them is of somebody in these hand-ins."""
    known = folder.known()
    keys = {key for hand_in in hand_ins for key in _keys(hand_in)}
    names_alone = {hand_in.name for hand_in in hand_ins if not _keys(hand_in)}
    every_name = {hand_in.name for hand_in in hand_ins}

    def is_there(before: HandIn) -> bool:
        # A name decides where one of the two has neither address nor number: two people may bear one.
        return bool(_keys(before) & keys) or before.name in (names_alone if _keys(before) else every_name)

    if not known or any(map(is_there, known)):
        return
    names = [printable(hand_in.name) for hand_in in known]
    if len(names) == 1:
        held = f"the result of 1 submission ({names[0]}), and it is not"
    else:
        few = len(names) <= _NAMED + 1
        listed = ", ".join(names) if few else f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
        held = f"the results of {len(names)} submissions ({listed}), and none of them is"
    raise UsageError(f"{path_text(folder.path)} holds {held} in {path_text(source)}: name another folder with --out.")


def _keys(hand_in: HandIn) -> set[str]:
    """The addresses, or else numbers, of those who handed it in."""
    return {person.key for person in hand_in.people} - {""}
