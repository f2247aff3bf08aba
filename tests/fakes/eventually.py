"""Waiting for something to become true, instead of sleeping for a time that is too long or too short."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(check: Callable[[], Awaitable[T]], *, within_s: float = 10.0, every_s: float = 0.01, what: str = "") -> T: ...


@overload
async def eventually(check: Callable[[], T], *, within_s: float = 10.0, every_s: float = 0.01, what: str = "") -> T: ...


async def eventually(check: Callable[[], Any], *, within_s: float = 10.0, every_s: float = 0.01, what: str = "") -> Any:
    """Call `check` (a plain or an async function) until its result is truthy, and return that.

    Raises:
        AssertionError: it did not become true in time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        result = check()
        value = await result if inspect.isawaitable(result) else result
        if value:
            return value
        if loop.time() > deadline:
            raise AssertionError(f"not within {within_s} s: {what or getattr(check, '__name__', check)} (last result {value!r})")
        await asyncio.sleep(every_s)
