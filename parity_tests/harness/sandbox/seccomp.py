"""Compiles the system calls that a submission's process may make to the filter that the process puts on itself.

It is a list of allowed calls: those that numpy, the standard library and files in a scratch folder need. All others
are refused with EPERM, which Python raises as PermissionError in the submission's own line. libseccomp compiles the
filter in the harness's process, because it cannot be loaded inside the sandbox. The filter has a few hundred bytes.

Processes that run at the same time have files in common: the interpreter's, and the libraries'. No call may tell one of
them what another does with these files, or with the machine. So there are no locks, which belong to a file; no calls
that ask for or empty the page cache (mincore, fadvise64, most of madvise); no futex that others can wait for, as one in
a mapped file is; no setting of times, which whoever may write to /dev/null may do there; and no counts of the whole
machine (sysinfo, statfs).
"""

from __future__ import annotations

import errno
import os
import tempfile
from functools import lru_cache

from parity_tests.protocol.errors import UsageError

MISSING = "the system library libseccomp is not installed (on Debian and Ubuntu: apt-get install libseccomp2)"

_ALLOWED = """
    read readv pread64 preadv write writev pwrite64 pwritev lseek _llseek sendfile copy_file_range
    close close_range dup dup2 dup3 fsync fdatasync ftruncate fallocate
    stat fstat lstat newfstatat fstatat64 stat64 fstat64 lstat64 statx access faccessat faccessat2
    getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 readlink readlinkat
    getdents getdents64 umask
    poll ppoll select pselect6 _newselect
    mmap mmap2 mprotect munmap mremap brk
    rt_sigaction rt_sigprocmask rt_sigreturn sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack
    setitimer getitimer alarm pause nanosleep gettimeofday time times
    getpid getppid gettid getpgrp getuid geteuid getgid getegid getresuid getresgid getgroups
    getrlimit setrlimit getrusage uname getcpu sched_yield
    set_robust_list rseq set_tid_address arch_prctl membarrier
    getrandom restart_syscall exit exit_group
"""
_OF_A_PROCESS = "getpgid getsid sched_getaffinity sched_getparam sched_getscheduler get_robust_list"
"""Calls that take a process id first, and tell whether there is such a process: allowed for our own alone."""
_MODES = "chmod fchmod fchmodat"
"""Allowed only if no file outside the sandbox can be seen: Landlock does not control these calls."""
_FCNTL = (0, 1, 2, 3, 4, 1030)
"""Duplicating and flags; no locks or leases, and not F_SETOWN, which sends signals to others."""
_MADVISE = (0, 1, 2, 3, 4, 8, 14, 15)
"""Expected use; giving back our own memory; huge pages. Not MADV_PAGEOUT and the like, which reach a file's pages."""
_FUTEX_WAIT, _FUTEX_WAIT_BITSET, _FUTEX_COMMAND, _FUTEX_PRIVATE = 0, 9, 0x7F, 0x80
_IOCTL = (0x5401, 0x5413, 0x5421, 0x5450, 0x5451)
"""Whether it is a terminal, and how wide; blocking; close-on-exec."""
_PRCTL = (15, 16)
"""Setting and getting the name of a thread."""
SELF = 0x7FFFFFF1
"""A number, above all process ids, that stands in the filter for the id of the process that puts it on itself."""
_THREAD = 0x00010000 | 0x00000100
_NEW = 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x00020000 | 0x80
"""Flags of clone: those of a thread, and those that make namespaces."""


@lru_cache
def compiled(alone: bool, threads: bool) -> bytes:
    """Return the filter as the kernel takes it, for the machine's architecture.

    A process that is `alone` sees neither processes nor files of others, and may send signals and change the modes of
    files. Any other process may send signals to SELF only. `threads` says whether the process may start threads.
    Raises UsageError if libseccomp is not installed.
    """
    try:
        import pyseccomp as s
    except ImportError as error:
        raise UsageError("the package pyseccomp is not installed (pip install pyseccomp)") from error
    except (RuntimeError, OSError) as error:
        raise UsageError(MISSING) from error
    calls = s.SyscallFilter(s.ERRNO(errno.EPERM))
    # Calls of another architecture (32-bit ones, x32) would kill by default.
    calls.set_attr(s.Attr.ACT_BADARCH, s.ERRNO(errno.EPERM))
    allowed = f"{_ALLOWED} {_MODES}" if alone else _ALLOWED
    known = [name for name in allowed.split() if s.resolve_syscall(s.Arch.NATIVE, name) >= 0]
    for name in known:
        calls.add_rule(s.ALLOW, name)
    # Early versions of Landlock let a file be emptied that may only be read.
    access, empty = os.O_ACCMODE, os.O_TRUNC
    for mask, value in ((empty, 0), (empty | access, empty | os.O_WRONLY), (empty | access, empty | os.O_RDWR)):
        calls.add_rule(s.ALLOW, "openat", s.Arg(2, s.MASKED_EQ, mask, value))
    by_value = (("fcntl", 1, _FCNTL), ("ioctl", 1, _IOCTL), ("prctl", 0, _PRCTL), ("madvise", 2, _MADVISE))
    for name, at, values in by_value:
        for value in values:
            # 32 bits are compared: so many the kernel looks at.
            calls.add_rule(s.ALLOW, name, s.Arg(at, s.MASKED_EQ, 0xFFFFFFFF, value))
    for name in _OF_A_PROCESS.split():
        if alone:
            calls.add_rule(s.ALLOW, name)
        else:
            for process in (0, SELF):
                calls.add_rule(s.ALLOW, name, s.Arg(0, s.EQ, process))
    if alone:
        calls.add_rule(s.ALLOW, "getpriority")
    # A clock of a negative number is that of another process's processor time.
    for name in ("clock_gettime", "clock_getres", "clock_nanosleep"):
        calls.add_rule(s.ALLOW, name, s.Arg(0, s.MASKED_EQ, 1 << 31, 0))
    calls.add_rule(s.ALLOW, "futex", s.Arg(1, s.MASKED_EQ, _FUTEX_PRIVATE, _FUTEX_PRIVATE))
    # glibc waits so for the end of a thread, and asks again at once where it is told that it need not wait.
    for command in (_FUTEX_WAIT, _FUTEX_WAIT_BITSET):
        calls.add_rule(s.ERRNO(errno.EAGAIN), "futex", s.Arg(1, s.MASKED_EQ, _FUTEX_PRIVATE | _FUTEX_COMMAND, command))
    # Threads, not processes. The arguments of clone3 cannot be seen by a filter: without it, glibc takes clone.
    if threads:
        calls.add_rule(s.ALLOW, "clone", s.Arg(0, s.MASKED_EQ, _THREAD | _NEW, _THREAD))
    calls.add_rule(s.ERRNO(errno.ENOSYS), "clone3")
    calls.add_rule(s.ALLOW, "prlimit64", s.Arg(0, s.EQ, 0))
    for name in ("kill", "tgkill"):
        if alone:
            calls.add_rule(s.ALLOW, name)
        else:
            calls.add_rule(s.ALLOW, name, s.Arg(0, s.EQ, SELF))
    with tempfile.TemporaryFile() as file:
        calls.export_bpf(file)
        file.seek(0)
        return file.read()
