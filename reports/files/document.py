"""A run as one JSON document; `schema.json` beside this file says what is in it."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from reports.model.records import COLUMNS, SCHEMA_VERSION, Column, Record, columns_of, failing
from reports.model.run import Results
from reports.model.run_folder import FORMAT
from reports.model.verdicts import VERDICTS, Verdict
from reports.model.words import verdict_sentence

#: The JSON Schema of the document. `schema_version` in it is raised with every change that a reader would notice.
SCHEMA = Path(__file__).parent / "schema.json"


_TEXT = {"type": "string"}
_COUNT = {"type": ["integer", "null"], "minimum": 0}
_NUMBER = {"anyOf": [{"$ref": "#/$defs/number"}, {"type": "null"}]}
_TYPES: dict[Any, tuple[str, dict[str, Any]]] = {
    str: ("text", _TEXT),
    int | None: ("whole number", _COUNT),
    float | None: ("number", _NUMBER),
}
"""How a column's type is called, and JSON's word for it."""


def completed(schema: dict[str, Any], record: type[Record] = Record) -> dict[str, Any]:
    """The schema with what follows from the columns of records and from the verdicts, as it must stand in SCHEMA."""
    columns = columns_of(record)
    defined = {
        **schema["$defs"]["record"],
        "required": list(columns),
        "properties": {name: _described(of, column) for name, (of, column) in columns.items()},
    }
    counts = {verdict: {"type": "integer", "minimum": 0} for verdict in VERDICTS}
    properties = {
        **schema["properties"],
        "schema_version": {"const": SCHEMA_VERSION},
        "counts": {**schema["properties"]["counts"], "required": list(VERDICTS), "properties": counts},
    }
    return {**schema, "properties": properties, "$defs": {**schema["$defs"], "record": defined}}


def _described(of: Any, column: Column) -> dict[str, Any]:
    told = {"enum": list(column.one_of)} if column.one_of else _TYPES[of][1]
    return {**told, "description": column.means}


def columns_table(record: type[Record] = Record) -> str:
    """The columns as the documentation lists them, in Markdown."""
    rows = [
        f"| `{name}` | {_TYPES[of][0]} | {column.means} | {'yes' if column.student else ''} |"
        for name, (of, column) in columns_of(record).items()
    ]
    return "\n".join(["| column | type | | shown of any case |", "| --- | --- | --- | --- |", *rows])


def json_document(run: Results, *, strict: bool = False, drift: Any = None) -> dict[str, Any]:
    """The run as plain values. JSON has no infinity and no NaN: such numbers are the texts "inf", "-inf" and "nan"."""
    records = run.records
    count = Counter(record.verdict for record in records)
    faulty, bad = count[Verdict.HARNESS_ERROR] > 0, any(failing(record, strict) for record in records)
    document = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "outcome": "harness_error" if faulty else "disagreement" if bad else "agreement",
        "verdict": verdict_sentence(run, strict),
        "strict": strict,
        "counts": {verdict: count[verdict] for verdict in VERDICTS},
        "environment": run.environment.to_json(),
        "inputs": dict(run.inputs),
        "records": [{name: getattr(record, name) for name in COLUMNS} for record in records],
    }
    if drift is not None:
        document["drift"] = drift
    made: dict[str, Any] = plain(document)
    return made


def json_text(run: Results, *, strict: bool = False, drift: Any = None) -> str:
    """The document as text: ASCII, so that nothing in it acts on a terminal, nor (`##[`) on a workflow's runner."""
    text = json.dumps(json_document(run, strict=strict, drift=drift), indent=1, allow_nan=False)
    return text.replace("##[", "##\\u005b") + "\n"


def plain(value: Any) -> Any:
    """Values as JSON takes them: no infinity and no NaN, which become the texts "inf", "-inf" and "nan"."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
