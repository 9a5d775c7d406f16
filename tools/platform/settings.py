"""What a person can decide about a platform on this machine, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.common.testing.parts import ProcessFailed, free_port
from libs.common.testing.parts.process import port_is_free

CHECKOUT = Path(__file__).resolve().parents[2]
EXTERNAL = ("MONGODB_URL", "REDIS_URL", "AMQP_URL", "S3_ENDPOINT_URL")


@dataclass(frozen=True)
class PlatformSettings:
    """RUN_DIR, GATEWAY_PORT, SANDBOX_PORT (0: any free port) and the servers the user runs themselves.

    `external` maps a variable of EXTERNAL to its url; the part it replaces is not started.
    """

    root: Path
    run_dir: Path
    gateway_port: int
    sandbox_port: int
    external: Mapping[str, str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], root: Path = CHECKOUT) -> "PlatformSettings":
        """ProcessFailed when a port is not a number or is taken; it names the variable to change."""
        return cls(
            root=root,
            run_dir=run_dir_from(environment, root),
            gateway_port=_fixed_port(environment, "GATEWAY_PORT", 8080),
            sandbox_port=_fixed_port(environment, "SANDBOX_PORT", 8090),
            external={name: environment[name] for name in EXTERNAL if environment.get(name)},
        )


def run_dir_from(environment: Mapping[str, str], root: Path = CHECKOUT) -> Path:
    """RUN_DIR, or `.run` in the checkout."""
    return Path(environment.get("RUN_DIR") or root / ".run").resolve()


def _fixed_port(environment: Mapping[str, str], variable: str, default: int) -> int:
    value = environment.get(variable) or str(default)
    if not value.isdigit() or int(value) > 65_535:
        raise ProcessFailed(f"{variable}={value} is not a port number")
    port = int(value) or free_port()
    if not port_is_free(port):
        raise ProcessFailed(f"port {port} is taken by another program; choose another: make up {variable}=<port>")
    return port
