"""Starts one program and reports what it cost. Run as a script in a small Python of its own, never imported by the harness.

    python -I -S launcher.py REPORT_FD LIMIT_S PROGRAM [ARGUMENT ...]

Why a process in between: Linux charges a child at exec with the peak memory of the process that it was forked from, so a program
started by a harness that holds 1 GiB would report 1 GiB. This one holds about 9 MB. It also kills the program, with all that the program
started, at the time limit, on SIGTERM, and when the harness itself has died.

Writes to REPORT_FD one line of JSON: status (exit status, negative for a signal), wall_s, cpu_s, peak_bytes, timed_out.
"""

import os
import signal
import sys
import time

POLL_S = 0.5


def main() -> None:
    report_fd, limit_s, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(report_fd, False)
    harness = os.getppid()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD, signal.SIGTERM])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    started = time.monotonic()
    try:
        child = os.posix_spawnp(command[0], command, os.environ, setsid=True, setsigmask=[], setsigdef=[signal.SIGINT])
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        report(report_fd, 127, 0.0, 0.0, 0, False)
        return
    timed_out = told_to_stop = False
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - started > limit_s:
            timed_out = True
        if timed_out or told_to_stop or os.getppid() != harness:
            os.killpg(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            break
        left_s = started + limit_s - time.monotonic()
        told = signal.sigtimedwait([signal.SIGCHLD, signal.SIGTERM], max(0.001, min(POLL_S, left_s)))
        told_to_stop = told is not None and told.si_signo == signal.SIGTERM
    wall_s = time.monotonic() - started
    exit_status = os.waitstatus_to_exitcode(status)
    report(report_fd, exit_status, wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, timed_out)


def report(fd: int, status: int, wall_s: float, cpu_s: float, peak_bytes: int, timed_out: bool) -> None:
    line = f'{{"status": {status}, "wall_s": {wall_s:.6f}, "cpu_s": {cpu_s:.6f}, "peak_bytes": {peak_bytes}, '
    os.write(fd, (line + f'"timed_out": {"true" if timed_out else "false"}}}\n').encode())


main()
