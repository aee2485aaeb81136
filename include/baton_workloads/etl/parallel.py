"""Run tasks on a few threads; the first error keeps the waiting ones from starting."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_all(tasks: Iterable[Task], work: Callable[[Task], Result], threads: int) -> list[Result]:
    """Run ``work`` for each task and give the results in the tasks' order; raise the first error.

    :param tasks: the first ones are worked on while the last ones are still found out.
    """
    futures: list[Future[Result]] = []
    with ThreadPoolExecutor(max_workers=threads) as pool:
        try:
            for task in tasks:
                futures.append(pool.submit(work, task))
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            for future in futures:
                future.cancel()
    for future in futures:
        if not future.cancelled() and future.exception() is not None:
            future.result()
    return [future.result() for future in futures]
