"""The layout: which files a submission of an assignment consists of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

NUMPY_1 = {
    **{name: name for name in ("int", "float", "bool", "complex", "object", "str")},
    "float_": "np.float64",
    "product": "np.prod",
    "cumproduct": "np.cumprod",
    "mat": "np.asmatrix",
    "alltrue": "np.all",
    "sometrue": "np.any",
    "Inf": "np.inf",
    "NaN": "np.nan",
}
"""What files of older years use of numpy 1 that numpy 2 has no longer, and what that stood for."""


@dataclass(frozen=True)
class Layout:
    """The files of a submission, by the names of their modules (without `.py`).

    `module` is what is handed in. Where its name has dots ("package.layers"), it lies in a package, and so do the
    `further` modules that are handed in as well: each of them is imported when a case asks for it, and costs its own
    parts alone where it cannot be. A submission is then the folder that holds the package, or the package's content.
    `lent` are modules that come from the solution where a submission lacks them: what students are given, no answers.
    One called "a*" stands for each that begins so. What is handed in as a `notebook`, which trains and plots as well,
    gives its imports and definitions alone.

    `support` is what students are given with an assignment of a single file ("" for nothing): where a submission lacks
    it, the solution's is its fixture. `unsupported` maps a file that only an unknown layout has to the edition of that
    layout. `entry` is the function that runs the whole program, as nothing does that only imports it ("" for none).

    Of an assignment that `defines` names and asks for no files, `in_folder` is the layout of one submission: its
    modules are those that define or assign the names, `where` says which does, and imports are found in the `roots`.
    """

    module: str
    support: str = ""
    unsupported: Mapping[str, str] = field(default_factory=dict)
    entry: str = ""
    further: tuple[str, ...] = ()
    lent: tuple[str, ...] = ()
    notebook: bool = False
    defines: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    roots: tuple[str, ...] = ()

    def in_folder(self, folder: Path) -> Layout:
        """The same for the submission in this folder, where files are told by what they define."""
        if not self.defines:
            return self
        where: dict[str, str] = {}
        assigned: dict[str, str] = {}
        roots: dict[str, None] = {}
        for path in _sources_in(folder):
            with (folder / path).open("rb") as file:
                text = file.read(_MOST_BYTES).decode("utf-8", "replace")
            roots |= dict.fromkeys(str(one) for one in reversed(path.parents) if one != Path())
            for names, found in ((defined_in(text), where), (_ASSIGNED.findall(text), assigned)):
                for name in set(names).intersection(self.defines):
                    found.setdefault(name, ".".join(path.with_suffix("").parts))
        where = assigned | where
        modules = tuple(dict.fromkeys(where[name] for name in self.defines if name in where))
        return replace(self, module=(*modules, self.module)[0], further=modules[1:], where=where, roots=tuple(roots))

    @property
    def package(self) -> str:
        """The package that the module lies in, "" for none."""
        return self.module.rpartition(".")[0]

    @property
    def file(self) -> str:
        """The file that is handed in, relative to the submission's folder."""
        return file_of(self.module)

    @property
    def file_name(self) -> str:
        """The name of the file that is handed in, without its folder."""
        return self.file.rpartition("/")[2]

    @property
    def support_file(self) -> str:
        """The name of the file that students are given, "" for none."""
        return file_of(self.support) if self.support else ""

    @property
    def sources(self) -> tuple[str, ...]:
        """All files that are handed in, the most important first."""
        return tuple(file_of(module) for module in (self.module, *self.further))

    @property
    def files(self) -> tuple[str, ...]:
        """All files that a submission may have, of those that the assignment names."""
        given = (self.support_file, *(file_of(module) for module in self.lent))
        return tuple(filter(None, (*self.sources, *given)))

    def fits(self, folder: Path) -> bool:
        """Whether the folder holds a submission of this layout; one name alone may be that of any other file."""
        if self.defines:
            return len(self.in_folder(folder).where) > 1
        return self.place(folder, self.file) is not None

    def place(self, folder: Path, file: str) -> str | None:
        """Where one of the layout's files lies in the folder: as named, or beside the package's others; None if not."""
        if (folder / file).is_file():
            return file
        inside = self._in_package(file)
        return inside if inside and self.is_content(folder) and (folder / inside).is_file() else None

    def is_content(self, folder: Path) -> bool:
        """Whether the folder is the package itself: it holds the module, and another of those handed in."""
        if not self.package or (folder / self.file).is_file() or not (folder / self.file_name).is_file():
            return False
        others = (file_of(module) for module in (*self.further, *self.lent))
        return folder.name == self.package or any((folder / self._in_package(other)).is_file() for other in others)

    def _in_package(self, file: str) -> str:
        """The file relative to the package, "" where it lies in none."""
        root = f"{self.package.replace('.', '/')}/"
        return file.removeprefix(root) if self.package and file.startswith(root) else ""


_DEFINED = re.compile(r"^(?:class|def) +(\w+)", re.MULTILINE)
_ASSIGNED = re.compile(r"^(\w+) *(?::[^=\n]*)?=(?!=)", re.MULTILINE)
_MOST_BYTES, _MOST_FOLDERS = 1 << 20, 100


def defined_in(text: str) -> list[str]:
    """The classes and functions that a source defines at its outermost level."""
    return _DEFINED.findall(text)


def _sources_in(folder: Path) -> Iterator[Path]:
    """The Python files below a folder that can be imported from there, those that lie highest first."""
    folders, seen = [folder] if folder.is_dir() else [], 0
    while folders and seen < _MOST_FOLDERS:
        deeper: list[Path] = []
        for path in (one for around in folders for one in sorted(around.iterdir())):
            if path.is_symlink() or not path.stem.isidentifier():
                continue
            if path.suffix == ".py" and path.is_file():
                yield path.relative_to(folder)
            elif not path.suffix and path.is_dir() and os.access(path, os.R_OK | os.X_OK):
                deeper.append(path)
        seen, folders = seen + len(folders), deeper


def file_of(module: str) -> str:
    """The file of a module, relative to where its package lies: "a.b" → "a/b.py", also of "a*", which "a_v2" is."""
    return f"{module.replace('.', '/').rstrip('*')}.py"


@dataclass(frozen=True)
class Editions:
    """The forms that an assignment has had over the years, the first of which is the default.

    `told_by` is a file with a function `editions_of(tree, files)`: which editions all modules that are handed in, one
    after another in one syntax tree, may be of, the likeliest first; none where they tell nothing. `files` has the text
    of each module by its path, and "" for each other file of the folder. A submission that may be
    of the edition it is judged by is said to be of that one. It is loaded in the submission's process. `inert_modules`
    are the modules beyond numpy that an edition uses and that do nothing here, by edition. `support` are the support
    files that are lent in an edition, where that is another file than the solution's, by edition. With `because`, what
    files show that are of each edition, a submission is checked by the one that its files show if nobody says another.
    `numpy_1` lends in a submission's process names that numpy had once, each with what it stood for: Python's own,
    such as `int`, or numpy's, such as `np.prod`; where it lends any, `float` takes an array of one number, too.
    """

    names: tuple[str, ...] = ("",)
    told_by: Path | None = None
    inert_modules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    support: Mapping[str, Path] = field(default_factory=dict)
    because: Mapping[str, str] = field(default_factory=dict)
    numpy_1: Mapping[str, str] = field(default_factory=dict)

    @property
    def default(self) -> str:
        """The edition that is taken where nothing says otherwise."""
        return self.names[0]
