"""Compiles the system calls that a submission's process may make to the filter that the process puts on itself.

It is a list of allowed calls: those that numpy, the standard library and files in a scratch folder need. All others
are refused with EPERM, which Python raises as PermissionError in the submission's own line. libseccomp compiles the
filter in the harness's process, because it cannot be loaded inside the sandbox. The filter has a few hundred bytes.
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
    close close_range dup dup2 dup3 flock fsync fdatasync ftruncate fallocate fadvise64
    stat fstat lstat newfstatat fstatat64 stat64 fstat64 lstat64 statx statfs fstatfs access faccessat faccessat2
    getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 readlink readlinkat
    getdents getdents64 umask
    poll ppoll select pselect6 _newselect
    mmap mmap2 mprotect munmap mremap madvise brk mincore
    rt_sigaction rt_sigprocmask rt_sigreturn sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack
    setitimer getitimer alarm pause nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times
    getpid getppid gettid getpgid getpgrp getsid getuid geteuid getgid getegid getresuid getresgid getgroups
    getrlimit setrlimit getrusage sysinfo uname getcpu sched_yield sched_getaffinity sched_getparam
    sched_getscheduler getpriority futex set_robust_list get_robust_list rseq set_tid_address arch_prctl membarrier
    getrandom restart_syscall exit exit_group
"""
_MODES = "chmod fchmod fchmodat utimensat utimes futimesat"
"""Allowed only if no file outside the sandbox can be seen: Landlock does not control these calls."""
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030)
"""Duplicating, flags and locks; not F_SETOWN, which sends signals to others."""
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
    for name, values in (("fcntl", _FCNTL), ("ioctl", _IOCTL), ("prctl", _PRCTL)):
        at = 0 if name == "prctl" else 1
        for value in values:
            # 32 bits are compared: so many the kernel looks at.
            calls.add_rule(s.ALLOW, name, s.Arg(at, s.MASKED_EQ, 0xFFFFFFFF, value))
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
