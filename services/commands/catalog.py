"""The services that have a command: their module, and what they may do at the venue."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True, slots=True)
class Entry:
    """`access` is the value of `shared.runtime.run.VenueAccess`; modules are imported only when they run.

    `alone`: starts and works without bus and store.
    """

    name: str
    access: str
    summary: str
    alone: bool = False

    @property
    def command(self) -> str:
        """Its name on the command line."""
        return self.name.replace("_", "-")

    @property
    def module(self) -> str:
        """Where its `build` is."""
        return f"services.{self.name}.service"


SERVICES = (
    Entry("scanner", "public", "Watch candles, compute features, publish candidates and skips."),
    Entry("sentinel", "public", "Judge the event risk of each symbol."),
    Entry("advisor", "none", "Decide TAKE or SKIP for each candidate."),
    Entry("executor", "signed", "Size and place entries with their stop and target; keep positions and trades."),
    Entry("bracket_guard", "signed", "Guard the stop and target of every position.", alone=True),
    Entry("dashboard", "public", "Serve the web page and its API."),
)


def product_version() -> str:
    """The version of the installed package; 0 when the code runs without being installed."""
    try:
        return version("mraster")
    except PackageNotFoundError:
        return "0"
