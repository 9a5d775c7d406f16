"""`python -m tools.scaffold NAME`: a new service that starts, answers and passes its tests."""

import re
import subprocess
import sys
from pathlib import Path

from tools.platform.settings import CHECKOUT

TEMPLATE = Path(__file__).parent / "template"
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


class Refused(Exception):
    """Why there is no new service."""


def scaffold(name: str, root: Path) -> list[Path]:
    """Write `services/<name>` under `root`; returns the files. Refused when the name is bad or taken."""
    if not NAME.fullmatch(name):
        raise Refused(f"{name!r} is no name for a service: lower-case words joined by _, such as NAME=lab_orders")
    folder = root / "services" / name
    if folder.exists():
        raise Refused(f"there is a service {name} already: {folder}")
    words = name.split("_")
    names = {"@name@": name, "@Name@": "".join(map(str.capitalize, words)), "@Title@": " ".join(words).capitalize()}
    written = []
    for template in sorted(TEMPLATE.rglob("*.tmpl")):
        text = template.read_text()
        for placeholder, value in names.items():
            text = text.replace(placeholder, value)
        file = folder / template.relative_to(TEMPLATE).with_suffix("")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        written.append(file)
    return written


def tidy(root: Path, name: str) -> None:
    """Where a line breaks and how imports sort depends on the name's length: ruff decides."""
    ruff = [str(Path(sys.executable).parent / "ruff")]
    folder = f"services/{name}"
    subprocess.run([*ruff, "check", "--select", "I", "--fix", "--quiet", folder], cwd=root, check=True)
    subprocess.run([*ruff, "format", "--quiet", folder], cwd=root, check=True)


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        written = scaffold(name, CHECKOUT)
    except Refused as refused:
        sys.exit(str(refused))
    tidy(CHECKOUT, name)
    uv = CHECKOUT / ".run" / "bootstrap" / "bin" / "uv"
    subprocess.run([uv, "lock", "--quiet"], cwd=CHECKOUT, check=True)
    print(f"services/{name}: {len(written)} files, and a member in uv.lock. Next:")
    print(f"  make test ONLY=services/{name}   it passes")
    print("  make down up                    it runs, with a worker")
    print("  gateway/routes.py               say which paths lead to it")


if __name__ == "__main__":
    main()
