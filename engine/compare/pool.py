"""Tasks spread over processes: a bounded number under way, the first error ends it all, and nobody is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

from engine.compare.task import Piece, Task, perform
from engine.errors import VssError

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

WAIT_S = 0.5


def performed(tasks: Sequence[Task], workers: int) -> Generator[tuple[Task, Piece], None, None]:
    """Each task with its result, in the order of completion. Closing the iterator ends the processes.

    Raises VssError naming the task, for what a worker raised and for a worker that died.
    """
    if workers == 1 or len(tasks) < 2:
        for task in tasks:
            yield task, _checked(task, None)
        return
    for name in BLAS_THREADS:
        os.environ.setdefault(name, "1")  # the cores have work enough
    others = set(multiprocessing.active_children())
    resource_tracker.ensure_running()  # its start lets signals through, in the middle of the first worker's
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_follow_parent)
    try:
        yield from _spread(executor, tasks, 2 * workers)
    finally:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
            child.join()
        # after its workers, so that its thread has ended: else that closes what the interpreter's exit writes to
        executor.shutdown(wait=True, cancel_futures=True)


def _spread(executor: ProcessPoolExecutor, tasks: Sequence[Task], most: int) -> Iterator[tuple[Task, Piece]]:
    waiting = list(reversed(tasks))
    under_way: dict[Future[Piece], Task] = {}
    while waiting or under_way:
        while waiting and len(under_way) < most:
            task = waiting.pop()
            with _interrupted_later():
                under_way[executor.submit(perform, task)] = task
        # bounded: a signal in the instant before waiting begins would else be heard only after it
        done, _ = wait(under_way, timeout=WAIT_S, return_when=FIRST_COMPLETED)
        for future in done:
            task = under_way.pop(future)
            yield task, _checked(task, future)


@contextmanager
def _interrupted_later() -> Iterator[None]:
    """Let a signal wait while a worker is being started: one that is only half started would complain on stderr."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _checked(task: Task, future: Future[Piece] | None) -> Piece:
    try:
        return perform(task) if future is None else future.result()
    except BrokenProcessPool:
        raise VssError(f"a worker process died (out of memory?) near {_name(task)}; try fewer --workers") from None
    except Exception as error:
        raise VssError(f"{_name(task)}: {error!r}") from error


def _name(task: Task) -> str:
    return f"{task.contender.name} in {task.cell.name}, seed {task.seeds[0]}"


def _follow_parent() -> None:
    """A worker whose parent is gone, however it went, has nobody to work for; Ctrl-C is for the parent alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})  # inherited from its start
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
