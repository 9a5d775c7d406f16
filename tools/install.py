"""`python3 -m tools.install`: with nothing but Python, installs Debian packages, uv and the locked Python packages.

Quick when there is nothing to do. Without root it names the Debian packages to install. It starts no system service.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN = ROOT / ".run"
VENV = ROOT / ".venv"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
STAMP = VENV / ".installed"
BOOTSTRAP = RUN / "bootstrap"
LOG = RUN / "logs" / "install.log"
UV = "uv==0.13.9"
OLDEST, TOO_NEW = (3, 11), (3, 14)
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
POLICY = Path("/usr/sbin/policy-rc.d")


def main() -> None:
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        sys.exit(f"Python {platform.python_version()} is not supported: 3.11, 3.12 or 3.13 is needed")
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with (RUN / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make up` and `make test` may be called at once
        if packages := missing_debian_packages():
            install_debian_packages(packages)
        if not is_installed():
            install_python_packages()


def missing_debian_packages() -> list[str]:
    """What has to come from Debian: servers the user does not run elsewhere, and `venv` where Python lacks it."""
    missing = []
    if not os.environ.get("REDIS_URL") and shutil.which("redis-server") is None:
        missing.append("redis-server")
    if not os.environ.get("AMQP_URL") and not RABBITMQ.exists():
        missing.append("rabbitmq-server")
    if not (BOOTSTRAP / "bin" / "uv").exists() and importlib.util.find_spec("ensurepip") is None:
        missing.append("python3-venv")
    return missing


def install_debian_packages(packages: list[str]) -> None:
    names = " ".join(packages)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(f"Debian packages are missing. As root: apt-get install --no-install-recommends {names}")
    say(f"installing from Debian: {names}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    patient = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq"]
    with no_service_starts():
        run([*patient, "update"], environment)
        run([*patient, "install", "-y", "--no-install-recommends", *packages], environment)


@contextlib.contextmanager
def no_service_starts() -> Iterator[None]:
    """Debian starts a daemon when its package is installed, unless this policy says no; the platform runs its own."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def fingerprint() -> str:
    """Changes when a dependency, a member or the Python version does."""
    digest = hashlib.sha256(f"{UV} {platform.python_version()}".encode())
    for file in [ROOT / "uv.lock", *sorted(ROOT.glob("pyproject.toml")), *sorted(ROOT.glob("*/*/pyproject.toml"))]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_installed() -> bool:
    return STAMP.exists() and STAMP.read_text() == fingerprint()


def install_python_packages() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if not os.access(environment.get("HOME", ""), os.W_OK):
        environment |= {"UV_CACHE_DIR": str(RUN / "cache" / "uv"), "PIP_CACHE_DIR": str(RUN / "cache" / "pip")}
    environment |= {"UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": environment.get("UV_LINK_MODE", "copy")}
    if CERTIFICATES.exists():
        environment["UV_SYSTEM_CERTS"] = "true"  # a proxy's certificate, say, is trusted there and nowhere else
    uv = BOOTSTRAP / "bin" / "uv"
    if not uv.exists() or UV.rpartition("=")[2] not in output_of([str(uv), "--version"]):
        say(f"installing {UV}")
        run([sys.executable, "-m", "venv", "--clear", str(BOOTSTRAP)], environment)
        run([str(BOOTSTRAP / "bin" / "python"), "-m", "pip", "install", "--quiet", UV], environment)
    say("installing the locked Python packages into .venv")
    sync = ["sync", "--frozen", "--all-packages", "--compile-bytecode", "--python", sys.executable]
    run([str(uv), "--project", str(ROOT), *sync], environment)
    STAMP.write_text(fingerprint())


def output_of(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def run(command: list[str], environment: dict[str, str]) -> None:
    """Run it with its output in the log; when it fails, show the end of that and stop."""
    with LOG.open("w+") as log:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        )
        if done.returncode:
            log.seek(0)
            tail = "".join(log.readlines()[-25:])
            sys.exit(f"{tail}\nthis failed with code {done.returncode}: {' '.join(command)}")


def say(text: str) -> None:
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    main()
