"""Who does the work: the builtin `map`, local processes, or a cluster. All give the same results.

An executor is called with a function and items and gives results as they come; see `protocols.Executor`.
"""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

from ctc.errors import CtcError, ToolMissing, UsageError
from ctc.protocols import Executor, Item, Result

CONNECT_LIMIT_S = 20


@contextmanager
def executor(workers: int, scheduler: str | None, lost: Callable[[Any, str], Any]) -> Iterator[Executor]:
    """The executor for `--workers` and `--scheduler`: serial for one worker and no scheduler.

    `lost(item, reason)` makes the result of an item whose worker process died again and again.
    Raises ToolMissing when the scheduler does not answer, UsageError when its address is no address."""
    if scheduler is None and workers == 1:
        yield cast(Executor, map)
        return
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if scheduler is None:
        local = {"n_workers": workers, "threads_per_worker": 1, "processes": True, "memory_limit": 0}
        with ExitStack() as stack:
            with _interrupts_ignored(), warnings.catch_warnings():
                # Of the scheduler's page, which nobody is asked to look at: another one is taken.
                warnings.filterwarnings("ignore", message="Port .* is already in use")
                cluster = stack.enter_context(LocalCluster(**local, dashboard_address=None, silence_logs=logging.CRITICAL))
            yield DaskExecutor(stack.enter_context(Client(cluster)), lost)
        return
    try:
        client = Client(scheduler, timeout=CONNECT_LIMIT_S)
    except (OSError, TimeoutError) as error:
        raise ToolMissing(f"--scheduler {scheduler}: no Dask scheduler answers there; start one with `dask scheduler`") from error
    except ValueError as error:
        raise UsageError(f"--scheduler {scheduler}: {error}; an address looks like tcp://host:8786") from error
    with client:
        _check_workers(client, scheduler)
        yield DaskExecutor(client, lost)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Processes started inside ignore Ctrl-C, which a terminal sends to all of them: ending them is this process's task."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _check_workers(client: Any, scheduler: str) -> None:
    """Raises ToolMissing where no worker joins in time, UsageError where one runs several jobs at once in one process."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_LIMIT_S)
    except TimeoutError as error:
        raise ToolMissing(f"--scheduler {scheduler}: it has no workers; start some with `dask worker {scheduler} --nthreads 1`") from error
    if any(worker["nthreads"] > 1 for worker in client.scheduler_info(n_workers=-1)["workers"].values()):
        raise UsageError(f"--scheduler {scheduler}: its workers must run one job at a time; start them with --nthreads 1")


class OnDemand(AbstractContextManager["OnDemand"]):
    """The executor of `executor`, started when the first work comes and kept to the end. Where everything is stored nothing is started."""

    def __init__(self, workers: int, scheduler: str | None, lost: Callable[[Any, str], Any]) -> None:
        self._workers, self._scheduler, self._lost = workers, scheduler, lost
        self._stack = ExitStack()
        self._executor: Executor | None = None

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def __call__(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        if self._executor is None:
            self._executor = self._stack.enter_context(executor(self._workers, self._scheduler, self._lost))
        return self._executor(work, items)


@dataclass(frozen=True)
class DaskExecutor:
    """Work on the workers of a Dask client. Earlier items have the higher priority."""

    client: Any
    lost: Callable[[Any, str], Any]

    def __call__(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        from distributed import CancelledError, as_completed
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        item_of = {self.client.submit(work, item, priority=-place, pure=False): item for place, item in enumerate(items)}
        try:
            for future in as_completed(list(item_of)):
                error = future.exception()
                if error is None:
                    yield future.result()
                elif isinstance(error, KilledWorker):
                    yield self.lost(item_of[future], "the worker process died each time that it was tried (out of memory?)")
                else:
                    raise error
        except (CancelledError, CommClosedError) as error:
            raise CtcError("the scheduler was lost; what was finished is kept: run the same command again to continue") from error
        finally:
            with suppress(CancelledError, CommClosedError, OSError, RuntimeError):
                self.client.cancel(list(item_of), force=True)
