"""`python -m tools.seed [--clinic NAME]`: make sure there is a clinic, and write down how to get in."""

import argparse
import json
import os
import sys
from pathlib import Path

from tools.gateway_client import Gateway, Refused
from tools.platform.keys import Keys
from tools.platform.settings import run_dir_from
from tools.platform.state import Phase, RunDir
from tools.seed.clinic import Seed, open_clinic, still_works

DEFAULT_CLINIC = "Demo Clinic"


def seeded(name: str | None = None, *, quiet: bool = False) -> Seed:
    """The demo clinic, made if it is not there; with a `name`, another clinic beside it."""
    run_dir = run_dir_from(os.environ)
    state = RunDir(run_dir).read()
    if state is None or state.phase is not Phase.READY:
        raise Refused("the platform is not running: make up")
    gateway = Gateway(state.gateway, state.sandbox)
    file = run_dir / "seed.json" if name is None else _next_file(run_dir)
    if file.exists():
        known: Seed = json.loads(file.read_text())
        if known.get("gateway") == gateway.url and still_works(gateway, known):
            return known
    keys = Keys.load(run_dir / "keys")
    say = (lambda _line: None) if quiet else (lambda line: print(f"  {line}", flush=True))
    seed = open_clinic(gateway, name or DEFAULT_CLINIC, keys.bootstrap_token, say)
    file.write_text(json.dumps(seed, indent=2) + "\n")
    file.chmod(0o600)
    if not quiet:
        print(f"  written to {file}")
    return seed


def _next_file(run_dir: Path) -> Path:
    number = 2
    while (run_dir / f"seed-{number}.json").exists():
        number += 1
    return run_dir / f"seed-{number}.json"


def main() -> int:
    """0 when there is a clinic."""
    parser = argparse.ArgumentParser(prog="make seed", description=__doc__)
    parser.add_argument("--clinic", help="open another clinic of this name beside the demo clinic")
    asked = parser.parse_args()
    try:
        seed = seeded(asked.clinic)
    except Refused as refused:
        print(f"seeding stopped: {refused}", file=sys.stderr)
        return 1
    counts = f"{len(seed['staff'])} roles, {len(seed['doctors'])} doctors, {len(seed['patients'])} patients"
    print(f"{seed['clinic']}: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
