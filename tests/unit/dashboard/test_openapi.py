"""The committed API document is the one that the server tells."""

from pathlib import Path

from tests.unit.dashboard.openapi_document import document

COMMITTED = Path(__file__).parents[3] / "services" / "dashboard" / "web" / "openapi.json"


def test_the_api_document_is_fresh():
    assert COMMITTED.read_text(encoding="utf-8") == document(), (
        "the API changed: python -m tests.unit.dashboard.openapi_document > services/dashboard/web/openapi.json, then npm run types"
    )
