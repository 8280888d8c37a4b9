#!/usr/bin/env python3
"""Runs a command as in a container that forbids io_uring: its three system calls fail.

    without_io_uring.py EPERM|ENOSYS COMMAND...

EPERM is what Docker's default profile answers, ENOSYS an old kernel or gVisor.
"""
import ctypes
import errno
import os
import struct
import sys

CALLS = (425, 426, 427)  # io_uring_setup, io_uring_enter, io_uring_register: the same on every architecture
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_NUMBER, IF_EQUAL, GIVE = 0x20, 0x15, 0x06
ALLOW, REFUSE_WITH = 0x7FFF0000, 0x00050000


def forbid(error):
    instruction = struct.Struct("=HBBI")
    filter_ = instruction.pack(LOAD_NUMBER, 0, 0, 0)
    for call in CALLS:
        filter_ += instruction.pack(IF_EQUAL, 0, 1, call) + instruction.pack(GIVE, 0, 0, REFUSE_WITH | error)
    filter_ += instruction.pack(GIVE, 0, 0, ALLOW)
    text = ctypes.create_string_buffer(filter_, len(filter_))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("text", ctypes.c_void_p)]

    program = Program(len(filter_) // instruction.size, ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*arguments) != 0:
            sys.exit(f"the filter is refused: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("EPERM", "ENOSYS"):
        sys.exit(__doc__)
    forbid(getattr(errno, sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
