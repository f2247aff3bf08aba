"""What nearly every part of the executor needs: the doors, the book, the ledger of intents."""

from dataclasses import dataclass

from services.executor.book import Book
from services.executor.intents import Intents
from shared.exchange.private import PrivateClient
from shared.runtime.chores import Chores
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Core:
    """Made once per process."""

    ctx: Context
    private: PrivateClient
    outbox: Outbox
    chores: Chores
    book: Book
    intents: Intents
