"""The layout: which files a submission of an assignment consists of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The files of a submission, by the names of their modules (without `.py`).

    `module` is what is handed in. `support` is what students are given with the assignment ("" for nothing): where a
    submission lacks it, the solution's is its fixture. `unsupported` maps a file that only an unknown layout has to the
    edition of that layout. `entry` is the function that runs the whole program, as nothing does that only imports it
    ("" for none).
    """

    module: str
    support: str = ""
    unsupported: Mapping[str, str] = field(default_factory=dict)
    entry: str = ""

    @property
    def file(self) -> str:
        """The name of the file that is handed in."""
        return f"{self.module}.py"

    @property
    def support_file(self) -> str:
        """The name of the file that students are given, "" for none."""
        return f"{self.support}.py" if self.support else ""

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files that a submission may have."""
        return tuple(filter(None, (self.file, self.support_file)))

    def fits(self, folder: Path) -> bool:
        """Whether the folder holds a submission of this layout."""
        return (folder / self.file).is_file()


@dataclass(frozen=True)
class Editions:
    """The forms that an assignment has had over the years, the first of which is the default.

    `told_by` is a file with a function `edition_of(tree)`, which says what edition a module's syntax tree shows ("" for
    none); it is loaded in the submission's process. `inert_modules` are the modules beyond numpy that an edition uses
    and that do nothing here, by edition. `support` are the support files that are lent in an edition, where that is
    another file than the solution's, by edition.
    """

    names: tuple[str, ...] = ("",)
    told_by: Path | None = None
    inert_modules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    support: Mapping[str, Path] = field(default_factory=dict)

    @property
    def default(self) -> str:
        """The edition that is taken where nothing says otherwise."""
        return self.names[0]
