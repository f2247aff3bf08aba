from pathlib import Path

import pytest

from services.commands.up import _scales
from services.supervisor.home import Home
from services.supervisor.options import UpOptions
from services.supervisor.plan import make_plan
from services.supervisor.ports import Promises
from tests.unit.cli.conftest import Run


@pytest.mark.parametrize("text", ["executor=2", "advisor=0", "advisor=17", "advisor", "advisor=-1", "advisor=x", "advisor=²"])
def test_what_cannot_be_scaled_is_a_wrong_command_line(run: Run, text: str) -> None:
    result = run("up", "--scale", text)
    assert result.exit_code == 2
    assert "expected one of scanner, advisor = 1 to 16" in result.output


def test_one_cycle_has_one_of_each(run: Run) -> None:
    result = run("up", "--once", "--scale", "advisor=2")
    assert result.exit_code == 2
    assert "with --once" in result.output
    assert _scales(["advisor=1"], once=True) == {"advisor": 1}


def test_each_instance_has_a_name_and_a_port_of_its_own_and_all_share_the_snapshot(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    promises = Promises()
    try:
        options = UpOptions(home=home.path, market="synthetic", port=0, scale=_scales(["advisor=2", "scanner=3"], once=False))
        specs = {spec.name: spec for spec in make_plan(options, {}, home, tmp_path, promises).specs}
    finally:
        promises.release()
    assert [name for name in specs if name.startswith("advisor")] == ["advisor", "advisor-2"]
    assert [name for name in specs if name.startswith("scanner")] == ["scanner", "scanner-2", "scanner-3"]
    assert len({spec.port for spec in specs.values()}) == len(specs)
    one, two = specs["advisor"], specs["advisor-2"]
    assert one.environment == two.environment
    assert str(home.path / "aster_state.json") in one.environment.values()
    assert [part for part in one.argv if not part.isdecimal()] == [part for part in two.argv if not part.isdecimal()]
