"""Builds the observation of a case from the messages that a submission's process sends for it.

The submission shares the process that sends them, so every message is checked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parity_tests.harness.process.headers import failure_of, key_of, one_line, with_clean_texts
from parity_tests.harness.wire import frames
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE, Key

MAX_MESSAGES = 100_000
"""Messages that one case may send."""
MAX_RETURNED = 128 << 20
"""Bytes kept of what a submission returns in all its cases: ten times what an honest one returns."""


class ObservationBuilder:
    """What has come for a case so far."""

    def __init__(self, case: str) -> None:
        self._case = case
        self._values: dict[Key, Returned] = {}
        self._failures: dict[Key, Failure] = {}
        self._overwritten: dict[Key, tuple[str, ...]] = {}
        self._facts: dict[str, Any] = {}
        self._warnings: list[str] = []
        self._warned: dict[str, tuple[str, ...]] = {}
        self._label = ""
        self._interrupted: Failure | None = None
        self.messages = 0
        """How many messages have come."""
        self.bytes = 0
        """How much memory they take, about."""
        self.fault = ""
        """How the harness's own code in the process failed, as the process says."""

    @property
    def failed(self) -> bool:
        """Whether anything has failed."""
        return bool(self._failures or self.fault)

    def add(self, message: frames.Message) -> bool:
        """Add a message; return True for the last one of the case. Raises WireError."""
        self.messages += 1
        if self.messages > MAX_MESSAGES:
            raise frames.WireError(f"one case sent more than {MAX_MESSAGES} messages")
        self.bytes += sum(array.nbytes for array in message.arrays.values())
        if message.header.get("kind") in ("fact", "warning", "failure", "overwritten"):
            self.bytes += frames.JSON_MEMORY * message.size
        match message.header:
            case {"kind": "value", "what": str(what), "detail": str(detail)}:
                self._add_value(message, what, detail)
            case {"kind": "failure"}:
                failure, key = failure_of(message.header), key_of(message.header)
                if key != WHOLE_CASE or key not in self._failures:  # the first failure of the whole case is its cause
                    self._failures[key] = failure
                self._values.pop(key, None)
            case {"kind": "overwritten", "labels": list(labels)} if all(isinstance(label, str) for label in labels):
                self._overwritten[key_of(message.header)] = tuple(map(one_line, labels))
            case {"kind": "fact", "key": str(key), "value": value}:
                self._facts[one_line(key)] = value if message.clean else with_clean_texts(value)
            case {"kind": "warning", "text": str(text)}:
                self._warnings.append(one_line(text))
                self._warned.setdefault(one_line(text), _names(message.header.get("functions")))
            case {"kind": "call", "label": str(label)}:
                self._label = one_line(label)
            case {"kind": "interrupted", "where": str(where)}:
                unsaid = dict.fromkeys(("error", "called", "said", "lacks"), "")
                self._interrupted = failure_of({**message.header, **unsaid, "failure": "timeout", "text": where})
            case {"kind": "withdrawn"}:
                self._failures.pop(WHOLE_CASE, None)
            case {"kind": "fault", "text": str(text)}:
                self.fault = one_line(text[-500:])
                return True
            case {"kind": "done"}:
                return True
            case _:
                raise frames.WireError("a message of no known kind")
        return False

    def fail(self, failure: Failure) -> None:
        """Let the case as a whole have failed."""
        self._failures[WHOLE_CASE] = failure

    def fail_late(self, limit: float) -> None:
        """Fail because the process was killed: it did not end within `limit` seconds."""
        who = self._label or "the submission"
        if self._interrupted is None:
            text = f"{who} did not end within {limit:g} s and did not react to being stopped"
            self.fail(Failure("timeout", "", text, called=self._label))
            return
        where = self._interrupted
        text = f"{who} did not end within {limit:g} s and swallows the exception that would stop it{where.text}"
        self.fail(replace(where, text=text, called=self._label))

    def fail_excessive(self) -> None:
        """Fail because the submission returns more than an honest one can; what has come is dropped."""
        self._values.clear()
        self._facts.clear()
        self._overwritten.clear()
        text = f"not kept: the submission has returned more than {MAX_RETURNED >> 20} MiB in all by now"
        self.fail(Failure("crashed", "", text))

    def fail_ended(self, how: str) -> None:
        """Fail because the process ended, unless it has said why; `how` is the predicate of a sentence."""
        if WHOLE_CASE not in self._failures:
            self.fail(Failure("crashed", "", f"{self._label or 'the submission'} {how}", called=self._label))

    def fail_disturbed(self) -> None:
        """Fail because the process sent what the harness's own code would not send."""
        text = f"{self._label or 'the submission'} disturbed the connection between its process and the harness"
        self.fail(Failure("crashed", "", text, called=self._label))

    def build(self, seconds: float) -> Observation:
        """Return the observation of a case that took so many seconds."""
        if self.fault:
            self.fail(Failure("unjudged", "", f"the process that puts the case to it failed: {self.fault}"))
        warnings = tuple(dict.fromkeys(self._warnings))
        return Observation(
            self._case, self._values, self._failures, self._facts, warnings, seconds, self._overwritten, self._warned
        )

    def _add_value(self, message: frames.Message, what: str, detail: str) -> None:
        array = message.arrays.get("value")
        if array is not None and (what == "none" or (what == "scalar" and array.ndim)):
            raise frames.WireError("a value contradicts its description")
        if not message.clean:
            what, detail = one_line(what), one_line(detail)
        key = key_of(message.header)
        self._values[key] = Returned(what, array, detail)
        self._failures.pop(key, None)


def _names(said: Any) -> tuple[str, ...]:
    """The names that a message says, none where it says something else."""
    named = isinstance(said, list) and all(isinstance(one, str) for one in said)
    return tuple(one_line(one) for one in said[:2]) if named else ()
