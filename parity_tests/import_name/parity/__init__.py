"""What people import: the public names of `parity_tests`, under the name of what they install."""

from typing import TYPE_CHECKING

from parity_tests import __all__ as __all__
from parity_tests import __dir__ as __dir__
from parity_tests import __getattr__ as __getattr__

if TYPE_CHECKING:
    from parity_tests import *  # noqa: F403 - whatever its names are
