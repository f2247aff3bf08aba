"""What is written in one turn of the loop leaves in one piece, and nothing is lost on the way out."""

import asyncio
from typing import Any

from services.paper_exchange.cork import Corked


class Line(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_head_and_body_leave_together() -> None:
    line = Line()
    corked = Corked(line)
    for part in (b"head ", b"", b"body"):
        corked.write(part)
    assert line.written == []
    await asyncio.sleep(0)
    assert line.written == [b"head body"]
    corked.write(b"next")
    await asyncio.sleep(0)
    assert line.written == [b"head body", b"next"]


async def test_what_was_written_before_a_close_is_sent() -> None:
    line = Line()
    corked = Corked(line)
    corked.write(b"last words")
    corked.close()
    assert (line.written, line.closed) == ([b"last words"], True)
    corked.write(b"too late")
    await asyncio.sleep(0)
    assert line.written == [b"last words"]


async def test_much_is_not_held_back() -> None:
    line = Line()
    corked = Corked(line)
    corked.write(b"x" * 70_000)
    assert len(line.written) == 1
    await asyncio.sleep(0)
    assert len(line.written) == 1
