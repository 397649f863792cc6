"""What the judges of this homework find: the mistakes, the blame and the scripts know a failure by it, not by words."""

from __future__ import annotations

from enum import StrEnum, auto


class Found(StrEnum):
    """What a failure was found to be, as `Comparison.finding` has it; the sentence beside it tells the same.

    Those in words are what a mistake of `main` is called by.
    """

    SAME_DRAWS = auto()
    OTHER_MODEL = auto()
    OTHER_SIGNATURE = auto()

    # ---- of main
    NO_DROPOUT = "dropout is left out in training"
    A_STEP_WITHOUT_DROPOUT = auto()
    DROPOUT_OFF = "dropout is off in training"
    DROPOUT_OFF_IN_A_STEP = auto()
    SAME_MASK = "the same dropout mask in several steps"
    USED_TWICE = "a mini-batch or an example is used twice in an epoch"
    OTHER_BATCH_SIZE = "a mini-batch has the wrong number of rows"
    OTHER_STEPS = "too many or too few steps an epoch"
    OTHER_EPOCHS = "too many or too few epochs"
    OTHER_LABELS = "the labels are not those of the rows"
    IN_FILE_ORDER = auto()
    ALL_IN_FILE_ORDER = "the examples are not shuffled"
    SAME_ORDER = "several epochs have the same order"
    SAME_BATCHES = auto()
    NEVER_USED = "some training examples are never used"
    NO_TRAINING_ROWS = auto()
    NO_STEP_SEEN = auto()
    OTHER_SET = "it trains on another set"
    CHANGED_PIXELS = "the pixels are changed"
    NEVER_CHANGED = "the weights are never changed"
    CHANGED_AGAIN = "the weights are updated more than once for one mini-batch"
    BUILT_ANEW = "the layers are built anew during training"
    TYPED_PIXELS = "the number of pixels is a fixed number"
    OTHER_START = "main changes the weights that the layers drew"
    OTHER_WIDTH = "the hidden layer has another size"
    OTHER_CLASSES = "the last layer has another number of classes"
    OTHER_ACTIVATION = "the activation is not the one asked for"
    NO_ACTIVATION = auto()
    OTHER_RATE = "dropout is built with another rate"
    NOT_EVALUATED = "a set is not evaluated after the epoch, or not all of it"
    EVALUATED_TWICE = auto()
    RETURNS_NOTHING = "main returns nothing"
    NOT_RETURNED = "a loss record is not returned"
    OTHER_LENGTH = "a record has not one number an epoch"
    TEST_OF_LAST = auto()
    TEST_BY_LOSS = auto()
    TEST_OF_VALIDATION = auto()
