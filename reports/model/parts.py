"""The parts of an assignment as reports name them: labels and titles in their order, as every run carries them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from reports.model.escape import printable
from reports.model.phrases import listed, shortened
from reports.model.records import Record

_LONGEST_LABEL, _LONGEST_TITLE = 30, 80


@dataclass(frozen=True)
class PartLabel:
    """How a part is called: `label` in a line of many ("part 4"), `title` where there is room ("a sum of rows")."""

    id: str
    label: str
    title: str


def _part_label(part: str, label: str, title: str) -> PartLabel:
    """The label and the title of a part, made printable; where one is missing or blank, the id."""
    shown = (
        shortened(printable(text).strip() or printable(part), longest)
        for text, longest in ((label, _LONGEST_LABEL), (title, _LONGEST_TITLE))
    )
    return PartLabel(part, *shown)


class Parts:
    """The parts of an assignment, in its order. An id that is not among them is its own label, and comes last."""

    def __init__(self, parts: Iterable[PartLabel] = ()) -> None:
        self._parts = {part.id: part for part in parts}
        self._places = {part: place for place, part in enumerate(self._parts)}

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, str]] | None) -> Parts:
        """The parts that a run's environment lists, as {"id": ..., "label": ..., "title": ...}; a row may lack any."""
        texts = ((row["id"], row.get("label", ""), row.get("title", "")) for row in rows or () if "id" in row)
        return _parts(tuple(texts))

    def label(self, part: str) -> str:
        """The label of a part; for an unknown id the id itself, made printable."""
        known = self._parts.get(part)
        return printable(part) if known is None else known.label

    def title(self, part: str) -> str:
        """The title of a part; "" for an unknown id, and where the title says no more than the label."""
        known = self._parts.get(part)
        return "" if known is None or known.title.casefold() == known.label.casefold() else known.title

    def heading(self, part: str) -> str:
        """The label and the title of a part: "part 4: a sum of rows"."""
        return ": ".join(filter(None, (self.label(part), self.title(part))))

    def order(self, part: str) -> tuple[int, str]:
        """The key by which parts are sorted: their place in the assignment; unknown ids come last, by their text."""
        place = self._places.get(part)
        return (len(self._places), part) if place is None else (place, "")

    def within(self, records: Iterable[Record]) -> list[str]:
        """The ids of the parts that these records belong to, in order."""
        return sorted({record.part for record in records}, key=self.order)

    def short(self, ids: Iterable[str]) -> str:
        """One label for a few parts: "part 4", "part 5/6"; "several" for more than two."""
        labels = self.labels(ids)
        return "several" if len(labels) > 2 else "/".join(labels)

    def listed(self, ids: Iterable[str]) -> str:
        """The labels of all these parts: "part 1, 4 and helpers.py"."""
        return listed(self.labels(ids))

    def counted(self, ids: Sequence[str], records: Iterable[Record]) -> str:
        """How many of the parts of these records they are: "2 of 10 parts", by the first word of their labels."""
        word = self._first_word(ids) or "part"
        total = len(self.alike(ids, records))
        return f"{len(ids)} of {total} {word}{'' if total == 1 else 's'}"

    def alike(self, ids: Sequence[str], records: Iterable[Record]) -> list[str]:
        """The parts of these records whose labels begin with the same word as those of `ids`, if these share one."""
        word = self._first_word(ids)
        return [part for part in self.within(records) if self.label(part).startswith(f"{word} " if word else "")]

    def _first_word(self, ids: Sequence[str]) -> str:
        """The word that begins the labels of all these parts; "" where they share none."""
        words = {word if rest else "" for word, _, rest in (self.label(part).partition(" ") for part in ids)}
        return words.pop() if len(words) == 1 else ""

    def labels(self, ids: Iterable[str]) -> list[str]:
        """The labels, each without its first word where that is the first word of the label before it."""
        labels = []
        word_before = ""
        for part in ids:
            label = self.label(part)
            word, _, rest = label.partition(" ")
            labels.append(rest if rest and word == word_before else label)
            word_before = word
        return labels


@lru_cache(maxsize=64)
def _parts(rows: tuple[tuple[str, str, str], ...]) -> Parts:
    """The parts of these ids, labels and titles: every function of a report asks for those of its run."""
    return Parts(_part_label(*row) for row in rows)
