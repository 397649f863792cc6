"""Text that a submission may put into names, messages and file names, meant to act on whoever shows it."""

from __future__ import annotations

from parity_tests.selftest.fake_records import FakeRun, mismatch, record
from reports.model.environment import Environment

TEXTS = (
    "<script>window.pwned = 1</script>",
    "\"><img src=x onerror='window.pwned=1'>",
    "</style></title></svg></pre><svg onload=window.pwned=1>",
    "<!-- <iframe src=//attacker.example> -->",
    "javascript:window.pwned=1",
    "{{ 7 * 7 }}{% raw %}{# #}",
    "]]><!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>&a;&#0;",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://attacker.example")',
    "+1+1",
    "-2-3",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "::error file=x,line=1::pwned",
    "line one\n::set-env name=PATH::/tmp\n::add-mask::x",
    "\r\n   ::stop-commands::token",
    "text ##[error]pwned ##[add-path]/tmp",
    "% %0A::error::pwned",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J \x9b31m \x07\x08\x7f",
    "a\x00b\x01c\x0b\x0c\x1f￾￿",
    "\ud800 lone surrogate \udcff",
    "\u202egnp.exe \u2066hidden\u2069 \u200bzero \ufeffmark",
    "\u2028separator\u2029paragraph\x85next",
    "| cell | cell |\n| --- | --- |",
    "# heading\n\n---\n\n> quote\n\n- item\n\n1. one",
    "**bold** __bold__ *i* _i_ ~~gone~~ `code` ``` ~~~",
    "[link](http://attacker.example) ![picture](http://attacker.example/x.png) <http://attacker.example>",
    "https://attacker.example www.attacker.example mailto:a@attacker.example",
    "@everyone #1 GH-1 owner/repo#1 :smile: $x^2$",
    "\\",
    "'\"`$(touch /tmp/pwned); rm -rf ~ & |",
    "../../../../etc/passwd",
    "é ü 漢字 🙂 ﷽ é",
    "x" * 5000,
    "; ".join("abc"),
    " ",
    "%s %d {0} {message}",
)


def hostile_run(text: str) -> FakeRun:
    """A run in which a submission has put the text everywhere that one can: and with every verdict."""
    fields = {
        "submission": text,
        "case": f"{text}/a",
        "quantity": text,
        "message": text,
        "note": text,
        "diagnosis": text,
        "file": text,
        "blame": text,
    }
    records = [
        record(**fields),
        mismatch(**fields),
        mismatch(**{**fields, "quantity": f"{text}2", "part": "3", "verdict": "crashed", "line": 7, "ratio": None}),
        record(**{**fields, "quantity": f"{text}3", "verdict": "undecided"}),
        record(**{**fields, "quantity": f"{text}4", "verdict": "harness_error", "ratio": None}),
        record(**{**fields, "quantity": f"{text}5", "part": "utils", "verdict": "missing", "explained_by": text}),
    ]
    usual = FakeRun().arrays
    return FakeRun(
        records=records,
        environment=Environment(
            versions={text: text},
            seed=0,
            hints={text: text},
            parts=[{"id": "4", "label": text, "title": f"{text}!"}],
            joint_checks=[text],
            source_lines={"4": (text, 7)},
            others={text: text},
        ),
        arrays={f"{text}/a/{text}/{key.rpartition('/')[2]}": array for key, array in usual.items()},
        inputs={f"{text}/a": {"title": text, text: [3, 2], "b": {text: text}}},
        output=text.encode("utf-8", "surrogatepass") + b"\xff\xfe\n",
    )
