"""The type is the permission: only the gate makes `Approved` orders."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]


def calls_approved(source: str) -> bool:
    names = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return any((isinstance(f, ast.Name) and f.id == "Approved") or (isinstance(f, ast.Attribute) and f.attr == "Approved") for f in names)


def test_only_the_gate_calls_approved() -> None:
    files = [path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 50
    makers = [str(path.relative_to(ROOT)) for path in files if calls_approved(path.read_text(encoding="utf-8"))]
    assert makers == ["shared/risk/gate.py"]


def test_nobody_takes_the_class_under_another_name_or_copies_one_with_another_order() -> None:
    for path in (path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not any(alias.name == "Approved" and alias.asname not in (None, "Approved") for alias in node.names), path
