"""The summary of a run: what each part came to, for pages, and as a DataFrame with a row for each part and dtype."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.model.records import Record, failing
from reports.model.run import Results, parts_of
from reports.model.verdicts import FAILING, MISMATCH, MISSING, NOT_JUDGED, NOTE, UNSEEN, VERDICTS, Verdict

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PartSummary:
    """What one part came to: `agree` of the `total` quantities judged match; `waiting` were not judged or asked.

    `verdict` is that of `group_verdict`, or NOT_JUDGED where other parts kept all that fails from being judged. `ratio`
    is the largest, None where what fails has none. It is `right` where nothing fails.
    """

    id: str
    label: str
    title: str
    verdict: str
    agree: int
    total: int
    waiting: int
    ratio: float | None
    right: bool
    records: list[Record]

    @property
    def agreed(self) -> str:
        """How many agree of those that were judged: "3/4"; "" where none was."""
        return f"{self.agree}/{self.total}" if self.total else ""


def part_summaries(run: Results, strict: bool = False) -> list[PartSummary]:
    """One for each part that was asked, in the order of the assignment."""
    parts = parts_of(run)
    groups: dict[str, list[Record]] = {part: [] for part in parts.within(run.records)}
    broken, is_unwritten = import_fails(run.records), unwritten(run.records)
    for record in run.records:
        if not (broken and record.check == "import"):  # it is told by itself, as no part's failure
            groups[record.part].append(record)
    summaries = []
    for part, records in groups.items():
        if not records:
            continue
        failed = [record for record in records if failing(record, strict)]
        waiting = [record for record in failed if _shown(record, broken) in (NOT_JUDGED, Verdict.UNASKED)]
        verdict = _verdict(records, waiting, failed, strict)
        summaries.append(
            PartSummary(
                id=part,
                label=parts.label(part),
                title=parts.title(part),
                verdict=verdict,
                agree=[record.verdict for record in records if not failing(record, strict)].count(Verdict.MATCH),
                total=len(records) - len(waiting),
                waiting=len(waiting),
                ratio=largest_ratio([record for record in records if not is_unwritten(record)], verdict),
                right=not failed,
                records=records,
            )
        )
    return summaries


def _verdict(records: Sequence[Record], waiting: Sequence[Record], failed: Sequence[Record], strict: bool) -> str:
    """What stands for a part: what was not asked, or not judged, only where nothing else fails."""
    if waiting and len(waiting) == len(failed):
        return Verdict.UNASKED if any(record.verdict == Verdict.UNASKED for record in waiting) else NOT_JUDGED
    left = set(map(id, waiting))
    return group_verdict([record for record in records if id(record) not in left], strict)


def not_judged(record: Record) -> bool:
    """Whether a record fails only since the failure of another one left nothing to judge.

    A value that was compared was judged, whatever explains it.
    """
    explained = record.verdict in FAILING and bool(record.explained_by)
    return explained and (record.verdict != MISMATCH or record.ratio is None)


def import_fails(records: Sequence[Record]) -> bool:
    """Whether the submission's files cannot be imported, which leaves next to nothing to judge."""
    return any(record.check == "import" and record.verdict in FAILING for record in records)


def nothing_judged(records: Sequence[Record]) -> bool:
    """Whether nothing at all was judged, since there is nothing to run or the files cannot be imported."""
    unseen = import_fails(records) and all(_unseen(record) or record.check == "import" for record in records)
    return unseen or bool(nothing_to_run(records))


def nothing_to_run(records: Sequence[Record]) -> str:
    """Why nothing of any part was run, as each record says; "" where something was."""
    if not records or records[0].verdict != MISSING or len({record.part for record in records}) == 1:
        return ""
    said = {(record.verdict, record.message) for record in records}
    return records[0].message if len(said) == 1 else ""


def left_by_import(records: Sequence[Record]) -> list[Record]:
    """Of records that fail, those that an import that fails does not explain: all of them where the files import."""
    if not import_fails(records):
        return [*records]
    failing_too = (record for record in records if record.verdict in FAILING and record.check != "import")
    return [record for record in failing_too if not (_unseen(record) or not_judged(record))]


def unwritten(records: Sequence[Record]) -> Callable[[Record], bool]:
    """Says of one of these records whether it fails since its part is not written.

    That is what is missing, and what was 0 in the same case as the part had written nothing there.
    """
    missing = {(record.part, record.case) for record in records if record.verdict == MISSING}
    if not missing:
        return lambda record: False
    written = {record.part for record in records if record.verdict not in FAILING and record.check != "import"}

    def is_unwritten(record: Record) -> bool:
        empty = record.actual == 0 and record.part not in written and (record.part, record.case) in missing
        return record.verdict == Verdict.MISSING or (record.verdict == Verdict.MISMATCH and empty)

    return is_unwritten


def _unseen(record: Record) -> bool:
    """Whether a record fails without anything that was compared, and is not that of the import."""
    return record.verdict in UNSEEN and record.check != "import"


def shown_verdict(record: Record) -> str:
    """The verdict of a record, or NOT_JUDGED."""
    return NOT_JUDGED if not_judged(record) else record.verdict


def _shown(record: Record, broken: bool) -> str:
    """The same for a record of a run of which the files cannot be imported: what was not seen was not judged."""
    return NOT_JUDGED if broken and _unseen(record) else shown_verdict(record)


def group_verdict(records: Sequence[Record], strict: bool = False) -> str:
    """The verdict that stands for several: the commonest of those that fail, then "note", "undecided" and "match"."""
    bad = Counter(record.verdict for record in records if record.verdict in FAILING)
    if bad:
        return bad.most_common(1)[0][0]
    if any(failing(record, strict) for record in records):
        return NOTE
    return Verdict.UNDECIDED if Verdict.UNDECIDED in {record.verdict for record in records} else Verdict.MATCH


def worst(records: Sequence[Record]) -> Record:
    """The record to look at first: what fails before what does not, then the largest ratio, then the first.

    A ratio that is absent or NaN counts as none. Raises ValueError where there are no records.
    """
    return max(records, key=lambda record: (record.verdict in FAILING, _ratio(record)))


def largest_ratio(records: Sequence[Record], verdict: str = "") -> float | None:
    """The largest difference as a share of the error bound; None where no values were compared.

    To stand beside a verdict of a mismatch, it is none up to 1: then something without a ratio is wrong, as a shape.
    """
    largest = max((_ratio(record) for record in records if record.ratio is not None), default=None)
    return None if largest is not None and largest <= 1 and verdict == Verdict.MISMATCH else largest


def summary_frame(run: Results) -> pd.DataFrame:
    """One row for each part and dtype: how many quantities have each verdict, how many a note, and the worst one.

    Columns: part, dtype, quantities, one for each verdict, not_judged for what other failures left nothing to judge of,
    which counts for no verdict, notes, largest_ratio, worst_case, worst_quantity.
    """
    import pandas as pd

    parts = parts_of(run)
    groups: dict[tuple[str, str], list[Record]] = {}
    broken = import_fails(run.records)
    for record in run.records:
        groups.setdefault((record.part, record.dtype), []).append(record)
    rows = []
    for part, dtype in sorted(groups, key=lambda key: (parts.order(key[0]), key[1])):
        group = groups[part, dtype]
        first, shown = worst(group), Counter(_shown(record, broken) for record in group)
        rows.append(
            {
                "part": part,
                "dtype": dtype,
                "quantities": len(group),
                **{verdict: shown[verdict] for verdict in VERDICTS},
                "not_judged": shown[NOT_JUDGED],
                "notes": sum(bool(record.note) for record in group),
                "largest_ratio": largest_ratio(group),
                "worst_case": first.case,
                "worst_quantity": first.quantity,
            }
        )
    counts = ("quantities", *VERDICTS, "not_judged", "notes")
    columns = ["part", "dtype", *counts, "largest_ratio", "worst_case", "worst_quantity"]
    text = ("part", "dtype", "worst_case", "worst_quantity")
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    return frame.astype({**dict.fromkeys(text, "string"), **dict.fromkeys(counts, "Int64"), "largest_ratio": "float64"})


def _ratio(record: Record) -> float:
    return -1.0 if record.ratio is None or record.ratio != record.ratio else record.ratio
