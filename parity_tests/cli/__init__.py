"""The `parity` command: however it ends, with a sentence and an exit status."""

from __future__ import annotations

import atexit
import errno
import gc
import io
import os
import sys
from collections.abc import Sequence

import click

from parity_tests.cli.audit import audit
from parity_tests.cli.bench import bench
from parity_tests.cli.check import check
from parity_tests.cli.class_status import status as class_status
from parity_tests.cli.compare import compare
from parity_tests.cli.data import data
from parity_tests.cli.defaults import read_defaults
from parity_tests.cli.doctor import doctor
from parity_tests.cli.first_steps import FIRST_STEPS
from parity_tests.cli.grade import grade
from parity_tests.cli.gradebook import gradebook
from parity_tests.cli.gradescope_bundle import gradescope_bundle
from parity_tests.cli.hold import hold
from parity_tests.cli.new_assignment import new_assignment
from parity_tests.cli.open_files import allow_open_files
from parity_tests.cli.regrade import regrade
from parity_tests.cli.report import report
from parity_tests.cli.selftest import selftest
from parity_tests.cli.show import show
from parity_tests.cli.status import AGREEMENT, INTERRUPTED, OWN_FAULT, UNUSABLE
from parity_tests.cli.terminal import complain, keep_traceback
from parity_tests.cli.trace import trace
from parity_tests.protocol.errors import AssignmentError, HarnessError, UsageError

_ROOM = "Free some disk space, and give the same command again"
_OPEN = "Name another folder, or open this one to yourself"
_OTHER = "Something else is where a file of Parity's belongs: move it away"
USERS_OWN = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EROFS: _OPEN,
    errno.EACCES: _OPEN,
    errno.EPERM: _OPEN,
    errno.EISDIR: _OTHER,
    errno.ENOTDIR: _OTHER,
    errno.EEXIST: _OTHER,
    errno.ENOTEMPTY: _OTHER,
    errno.ELOOP: _OTHER,
    errno.ENAMETOOLONG: "Name a folder with a shorter path",
    errno.EIO: "The disk fails: name a folder on another one",
    errno.EMFILE: "Raise the limit of open files (ulimit -n), and give the same command again",
}
"""What the machine refuses for reasons of the user's own, and what to do then."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status, whatever happens: no traceback reaches the screen.

    0 agreement, 1 discrepancies, 2 what was asked for cannot be done, 3 Parity's own fault, 130 Ctrl-C.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's products are small here, as torch's are
    # Going over torch's and pandas' objects again and again takes a sixth of a check's time and finds nothing.
    gc.set_threshold(1_000_000)
    atexit.register(gc.freeze)  # a last time is due when the process ends, and takes a quarter of a second
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter stops nothing
    try:
        status = cli.main(args=arguments, prog_name="parity", standalone_mode=False)
        return int(status or AGREEMENT)
    except click.ClickException as error:
        error.show()
        return UNUSABLE
    except UsageError as error:
        complain(str(error))
        return UNUSABLE
    except HarnessError as error:
        complain(f"this is {error.whose} fault, not the submission's: {error}{_kept_of(error)}")
        return OWN_FAULT
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted.")
        return INTERRUPTED
    except OSError as error:
        if error.errno not in USERS_OWN:
            complain(f"this is Parity's own fault, not the submission's: {error}. {keep_traceback(error)}")
            return OWN_FAULT
        stands = error.filename2 or error.filename  # of a file that takes a place, the place is in the way
        where = f"{os.fsdecode(stands)}: " if stands else ""
        complain(f"{where}{error.strerror}. {USERS_OWN[error.errno]}; what is done is kept.")
        return UNUSABLE
    except Exception as error:
        complain(
            f"this is Parity's own fault, not the submission's: {type(error).__name__}: {error}. "
            f"{keep_traceback(error)}"
        )
        return OWN_FAULT


def _kept_of(error: HarnessError) -> str:
    """Where the traceback of what an assignment's function raised is, as a sentence after another; "" for others."""
    if not isinstance(error, AssignmentError) or not isinstance(error.__cause__, Exception):
        return ""
    return f". {keep_traceback(error.__cause__, 'it is for whoever wrote the assignment')}"


class InOurOrder(click.Group):
    """A group whose help lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return list(self.commands)


@click.group(
    cls=InOurOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
)
@click.version_option(package_name="parity", message="parity %(version)s")
@click.pass_context
def cli(context: click.Context) -> int | None:
    """Says whether a hand-written numpy network agrees with the equivalent torch.nn model,
    and if not, what is wrong with it."""
    if context.invoked_subcommand is None:
        click.echo(FIRST_STEPS, nl=False, err=True)
        return UNUSABLE
    allow_open_files()
    defaults = read_defaults(cli.commands)
    context.obj = defaults.path
    context.default_map = {command: dict(values) for command, values in defaults.values.items()}
    if options := defaults.options.get(str(context.invoked_subcommand)):
        complain(f"{defaults.path} sets {', '.join(options)}.")
    return None


COMMANDS = (
    check,
    show,
    compare,
    trace,
    hold,
    audit,
    grade,
    regrade,
    gradebook,
    class_status,
    report,
    new_assignment,
    gradescope_bundle,
    doctor,
    data,
    selftest,
    bench,
)
"""The commands, those first that most people need."""
for command in COMMANDS:
    cli.add_command(command)
