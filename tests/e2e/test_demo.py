"""The demo, as `make demo` plays it, on this platform; and its way as `make trace` shows it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.world import World


def test_the_clinics_day_goes_as_it_should_twice(world: World, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    environment = {**os.environ, "RUN_DIR": str(world.run_dir), "DEMO_JSON": str(report)}
    for _ in range(2):
        played = subprocess.run(
            [sys.executable, "-m", "tools.demo"], env=environment, capture_output=True, text=True, timeout=180
        )
        assert played.returncode == 0, played.stdout + played.stderr
        told = json.loads(report.read_text())
        assert told["ok"] is True
        assert told["confirmation"]["text"]
    booked = next(step for step in told["steps"] if step["title"] == "Patient books")
    traced = subprocess.run(
        [sys.executable, "-m", "tools.trace", booked["request_id"], "--dir", str(world.run_dir / "spans")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert traced.returncode == 0, traced.stderr
    for process in ("gateway", "scheduling", "notifications"):
        assert process in traced.stdout
