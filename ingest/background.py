"""A thread that reads or writes one array while another is computed, where a process has a core for it."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from datasets.process.threads import threads

Result = TypeVar("Result")
Given = ParamSpec("Given")


def side_thread() -> Executor:
    """One thread; none in a process with one core, where it would only take turns and keep one array more."""
    return ThreadPoolExecutor(max_workers=1) if threads() > 1 else _AtOnce()


class _AtOnce(Executor):
    """Runs a task at once, before it returns."""

    def submit(self, fn: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs) -> Future[Result]:
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - raised where the result is read
            future.set_exception(error)
        return future
