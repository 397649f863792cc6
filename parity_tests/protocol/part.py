"""The part: one thing that an assignment asks for, such as a function to be written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """What reports and rubrics call a part, and which functions of a submission it is.

    `id` stands in records; `label` is what people call it ("Task 4") and `title` says what it is ("its derivative").
    `functions` are qualified names ("Softplus.backward"), of which a report points at the first that is there. One
    that is not `graded` has no usual points.
    """

    id: str
    label: str
    title: str
    functions: tuple[str, ...] = ()
    graded: bool = True
