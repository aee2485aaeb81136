"""Run tasks on a few threads; the first error keeps the waiting ones from starting."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_all(tasks: Iterable[Task], work: Callable[[Task], Result], threads: int) -> list[Result]:
    """Run ``work`` for each task and give the results in the tasks' order; raise the first error."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        futures = [pool.submit(work, task) for task in tasks]
        done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
        for future in waiting:
            future.cancel()
        for future in done:
            if not future.cancelled() and future.exception() is not None:
                future.result()
        return [future.result() for future in futures]
