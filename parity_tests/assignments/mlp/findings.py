"""What the judges of this homework find: the mistakes, the blame and the scripts know a failure by it, not by words."""

from __future__ import annotations

from enum import StrEnum, auto


class Found(StrEnum):
    """What a failure was found to be, as `Comparison.finding` has it; the sentence beside it tells the same."""

    SAME_DRAWS = auto()
    OTHER_KEYS = auto()
    OTHER_MODEL = auto()
    OTHER_SIGNATURE = auto()

    # ---- of main
    NO_DROPOUT = auto()
    A_STEP_WITHOUT_DROPOUT = auto()
    DROPOUT_OFF = auto()
    DROPOUT_OFF_IN_A_STEP = auto()
    SAME_MASK = auto()
    USED_TWICE = auto()
    OTHER_BATCH_SIZE = auto()
    OTHER_STEPS = auto()
    OTHER_EPOCHS = auto()
    OTHER_LABELS = auto()
    IN_FILE_ORDER = auto()
    ALL_IN_FILE_ORDER = auto()
    SAME_ORDER = auto()
    SAME_BATCHES = auto()
    NEVER_USED = auto()
    NO_TRAINING_ROWS = auto()
    NO_STEP_SEEN = auto()
    OTHER_SET = auto()
    CHANGED_PIXELS = auto()
    NEVER_CHANGED = auto()
    CHANGED_AGAIN = auto()
    BUILT_ANEW = auto()
    TYPED_PIXELS = auto()
    OTHER_START = auto()
    OTHER_WIDTH = auto()
    OTHER_CLASSES = auto()
    OTHER_ACTIVATION = auto()
    NO_ACTIVATION = auto()
    OTHER_RATE = auto()
    NOT_EVALUATED = auto()
    EVALUATED_TWICE = auto()
    RETURNS_NOTHING = auto()
    NOT_RETURNED = auto()
    OTHER_LENGTH = auto()
    TEST_OF_LAST = auto()
    TEST_BY_LOSS = auto()
    TEST_OF_VALIDATION = auto()
