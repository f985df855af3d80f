"""Ties a command to its parent's life, then becomes the command.

Rules: it runs as a script without site packages, so that it costs 15 ms; the tether is set after the change of user,
which would clear it; if the parent died before it was set, the command never starts.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, orphan_signal: int, user: str, command: list[str]) -> None:
    """Never returns: the process becomes `command`, run by `user` ("" for the present one)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if user:
        entry = pwd.getpwnam(user)
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if libc.prctl(PR_SET_PDEATHSIG, orphan_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit(1)
    # Python ignores SIGPIPE and hands that on through exec; the command gets the default it expects.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
