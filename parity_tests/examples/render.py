"""Makes a sample of everything that Parity writes: `python -m parity_tests.examples.render FOLDER`.

The documentation is built with these samples, so they are never older than the code: a run, a trace and a class of
networks with known mistakes, in every format. --pictures takes the documentation's pictures of the pages instead, with
Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli import main as parity
from parity_tests.cli.report import RENDER
from parity_tests.harness.check import check
from reports.files.github import annotation_lines
from reports.model.baseline import baseline_text
from reports.model.run_folder import load
from reports.model.summary import part_summaries
from reports.pictures.figure import figure
from reports.pictures.ratios import ratios_charts

FOUND = PICTURES = Path(__file__).resolve().parents[2] / "reports" / "examples"
FORMATS = {
    "html": "report.html",
    "junit": "junit.xml",
    "markdown": "summary.md",
    "csv": "records.csv",
    "json": "report.json",
    "gradescope": "results.json",
    "sarif": "report.sarif",
}
MISTAKE = ("X.T @ grad", "X.T @ grad / len(X)")
ORDER = ("v -= _learning_rate * g", "v -= g"), ("w += v", "w += _learning_rate * v")
"""Torch's momentum: as asked for until η drops."""
CLASS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ada": (),
    "bela": (MISTAKE,),
    "chloe": (MISTAKE, ("1 - self.h * self.h", "1 - X * X")),
    "dmitri": (("return grad * self.mask", "return grad"),),
    "emre": (("1 - self.h * self.h", "1 - X * X"),),
    "fatima": ORDER,
    "gil": (("def forward", "def forwards"),),
    "iris": (MISTAKE,),
    "hana": (("np.random.normal(0.0, 0.1, (input_D, output_D))", "np.random.normal(0.0, 1.0, (input_D, output_D))"),),
}
"""What is replaced in the shipped network, by submission."""
RATIOS = "The difference of every quantity of the shipped network, as a share of the error bound"
COURSE = Path(__file__).parent / "course" / "submissions"
GRADED = ("--isolation", "none", "--seed", "1", "--quiet")


def render(into: Path) -> list[str]:
    """Writes every sample into a folder, and returns their names."""
    into = into.resolve()
    into.mkdir(parents=True, exist_ok=True)
    homework, order, group, run, traced = map(Path, ("homework", "order", "group", "run", "traced"))
    graded, course = Path("graded"), Path("course")
    with tempfile.TemporaryDirectory() as made, contextlib.chdir(made):
        _changed(homework, [MISTAKE])
        _quietly("check", homework, "--out", run)
        saved = load(run)
        for form, name in FORMATS.items():
            (into / name).write_bytes(RENDER[form](saved, run, False))
        annotations = annotation_lines(saved, folder="homework")
        (into / "annotations.txt").write_text("\n".join(annotations) + "\n", encoding="utf-8")
        (into / "baseline.json").write_text(baseline_text(saved.records, saved.environment), encoding="utf-8")
        _changed(order, ORDER)
        settings = ["--batch", "500", "--epochs", "4", "--lr-drop-every", "2", "--alpha", "0.9", "--hidden", "12"]
        _quietly("trace", order, "--out", traced, *settings)
        for name in ("trace.html", "trace.svg"):
            shutil.copy(traced / name, into / name)
        for name, edits in CLASS.items():
            _changed(group / name, edits)
        _quietly("grade", group, "--out", graded, *GRADED)
        shutil.copy(graded / "class.html", into / "class.html")
        _quietly("grade", COURSE, "--assignment", f"{COURSE.parent}/", "--out", course, *GRADED)
        shutil.copy(course / "class.html", into / "course.html")
    whole = check(ASSIGNMENT, ASSIGNMENT.solution)
    ratios, _ = ratios_charts(whole, part_summaries(whole))
    (into / "ratios.svg").write_text(figure(RATIOS, [("", ratios)]), encoding="utf-8")
    return sorted(path.name for path in into.iterdir())


def tables(into: Path) -> None:
    """Writes the tables of what the juries of `hold` last found into a folder."""
    from parity_tests.proof.kernelbench.report import read, summary
    from parity_tests.proof.opinfo.__main__ import markdown

    into.mkdir(parents=True, exist_ok=True)
    written = {"opinfo.md": markdown(read(FOUND / "opinfo.csv"))}
    for name in ("kernelbench", "kernelbench-own-sizes"):
        written[f"{name}.md"] = summary(read(FOUND / f"{name}.csv"))
    for name, lines in written.items():
        (into / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _changed(folder: Path, edits: Sequence[tuple[str, str]]) -> None:
    """The shipped network with some of its text replaced. Raises ValueError where it has that text no more."""
    folder.mkdir(parents=True)
    source = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")
    for before, after in edits:
        if before not in source:
            raise ValueError(f"the shipped network has no {before!r} any more")
        source = source.replace(before, after)
    (folder / "neural_networks.py").write_text(source, encoding="utf-8")
    shutil.copy(ASSIGNMENT.solution / "utils.py", folder / "utils.py")


def _quietly(*arguments: str | Path) -> None:
    """A command of Parity, without what it prints."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        parity([str(argument) for argument in arguments])


def take_pictures() -> None:
    """Takes the documentation's pictures: the top of the pages, as Chromium shows them."""
    from parity_tests.examples.chromium import Browser

    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        render(Path(folder))
        for name in ("report", "class"):
            browser.open(Path(folder) / f"{name}.html", width=1180, height=1000)
            browser.picture(PICTURES / f"{name}.png", whole=False)


def main(arguments: list[str] | None = None) -> int:
    """Renders the samples, or takes the pictures."""
    parser = argparse.ArgumentParser(prog="python -m parity_tests.examples.render", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build/samples"), help="where the samples go")
    parser.add_argument("--pictures", action="store_true", help="take the documentation's pictures of the pages")
    chosen = parser.parse_args(arguments)
    if chosen.pictures:
        take_pictures()
    else:
        print(f"{chosen.folder}: {', '.join(render(chosen.folder))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
