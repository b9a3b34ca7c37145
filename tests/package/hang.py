"""hang.py PID: stops all threads of a process but its first, and says "hung"; ends with the process.

As a debugger stops them: a signal would stop them all, and then the first thread could not go on feeding a watchdog.
"""
import ctypes
import os
import sys

ATTACH = 16
WALL = 0x40000000


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    pid = int(sys.argv[1])
    for thread in sorted(int(name) for name in os.listdir(f"/proc/{pid}/task")):
        if thread != pid:
            if libc.ptrace(ctypes.c_long(ATTACH), ctypes.c_long(thread), None, None) != 0:
                sys.exit(f"thread {thread}: {os.strerror(ctypes.get_errno())}")
            os.waitpid(thread, WALL)
    print("hung", flush=True)
    try:
        while True:
            os.waitpid(-1, WALL)  # as long as one of them is not reaped, the process has not ended for its parent either
    except ChildProcessError:
        pass


if __name__ == "__main__":
    main()
