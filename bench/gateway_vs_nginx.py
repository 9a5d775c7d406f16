"""Goals 1 to 3: what the gateway costs beside nginx, in front of the same service, in interleaved rounds.

nginx only forwards (no token, no limits, no log): the ratios are the price of everything the gateway does. Here the
service shares the load generator's core, so that the core of the proxies is theirs alone.
"""

import asyncio
import base64
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, Popen, check_output

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.machine import LOAD_CORE, SERVERS_CORE
from bench.pace import Pace
from bench.results import Result
from libs.common.security.tokens import ACCESS_TOKEN, USER_AUDIENCE, sign
from libs.common.testing.parts import free_port

ISSUER = "https://auth.bench.local"
PATH = "/patients/pat_01j9zqk5w0e5ta3m3w2x0v6h7c"
_TICKS = os.sysconf("SC_CLK_TCK")

NGINX_CONFIG = """
worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log warn; daemon off; user root;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream service {{ server 127.0.0.1:{service_port}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


@dataclass
class Server:
    """A proxy under test with what was measured of it, one entry per round."""

    name: str
    port: int
    pids: list[int]
    requests_per_second: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        """User and system time of all its processes."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids]
        return sum(int(values[11]) + int(values[12]) for values in fields) / _TICKS


async def measure(redis_url: str, pace: Pace) -> list[Result]:
    """Start everything, measure, stop everything; needs nginx and wrk. `redis_url` is where the gateway counts."""
    return await asyncio.to_thread(_run, redis_url, pace)


def _run(redis_url: str, pace: Pace) -> list[Result]:
    seconds = max(1, round(pace.seconds / 2))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        key = Ed25519PrivateKey.generate()
        service_port, nginx_port, gateway_port = free_port(), free_port(), free_port()
        environment = os.environ | {"BENCH_JWKS": _jwks(key), "REDIS_URL": redis_url}
        service = [sys.executable, "-m", "uvicorn", "bench.echo_service:app", "--port", str(service_port)]
        options = ["--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "60"]
        stack.enter_context(_process([*service, *options], LOAD_CORE, environment))
        _wait(f"http://127.0.0.1:{service_port}{PATH}")
        nginx = stack.enter_context(_nginx(folder, nginx_port, service_port))
        gateway = stack.enter_context(_gateway(gateway_port, service_port, environment))
        token = _token(key)
        _wait(f"http://127.0.0.1:{gateway_port}/readyz")
        for server in (nginx, gateway):
            _load(server, token, connections=32, seconds=1)
        for _ in range(pace.rounds):
            for server in (nginx, gateway):
                _measure(server, token, seconds)
        return _results(nginx, gateway)


def _measure(server: Server, token: str, seconds: int) -> None:
    before = server.cpu_seconds()
    count, rate, _ = _load(server, token, connections=32, seconds=seconds)
    server.requests_per_second.append(rate)
    server.cpu_us.append((server.cpu_seconds() - before) / count * 1e6)
    _, _, p50 = _load(server, token, connections=1, seconds=seconds)
    server.p50_ms.append(p50)


def _results(nginx: Server, gateway: Server) -> list[Result]:
    def compare(values: Callable[[Server], list[float]], unit: str) -> tuple[float, str]:
        ours, theirs = statistics.median(values(gateway)), statistics.median(values(nginx))
        return ours / theirs, f"{ours:.4g} to nginx's {theirs:.4g} {unit}"

    rate, rates = compare(lambda server: server.requests_per_second, "requests/s")
    cpu, cpus = compare(lambda server: server.cpu_us, "us CPU per request")
    p50, p50s = compare(lambda server: server.p50_ms, "ms")
    return [
        Result(1, "gateway requests/s behind a service, to nginx's", rate, 0.9, at_least=True, details=rates),
        Result(2, "gateway CPU per request, to nginx's", cpu, 4.0, details=cpus),
        Result(3, "gateway p50 of a client alone, to nginx's", p50, 2.0, details=p50s),
    ]


def _load(server: Server, token: str, *, connections: int, seconds: int) -> tuple[int, float, float]:
    """Requests answered, requests per second, p50 in milliseconds; raises when anything but 2xx comes back."""
    command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["-H", f"Authorization: Bearer {token}", f"http://127.0.0.1:{server.port}{PATH}"]
    output = check_output(command, text=True)
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"{server.name}: {output}")
    requests = _number(r"(\d+) requests in", output)
    value, unit = re.findall(r"50%\s+([\d.]+)(us|ms|s)", output)[0]
    return (
        int(requests),
        _number(r"Requests/sec:\s+([\d.]+)", output),
        float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit],
    )


def _number(pattern: str, text: str) -> float:
    return float(re.findall(pattern, text)[0])


@contextmanager
def _process(command: list[str], core: int, environment: Mapping[str, str]) -> Iterator[int]:
    process = Popen(["taskset", "-c", str(core), *command], env=environment, stdout=DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _nginx(folder: Path, port: int, service_port: int) -> Iterator[Server]:
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(folder=folder, port=port, service_port=service_port))
    with _process([binary, "-c", str(config), "-p", str(folder)], SERVERS_CORE, os.environ) as master:
        _wait(f"http://127.0.0.1:{port}{PATH}")
        workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        yield Server("nginx", port, [master, *map(int, workers)])


@contextmanager
def _gateway(port: int, service_port: int, environment: Mapping[str, str]) -> Iterator[Server]:
    """Defaults throughout, but for the limit per user: all the load comes from one."""
    services = ("AUTH", "REGISTRY", "SCHEDULING", "NOTIFICATIONS", "AUDIT")
    urls = {f"{name}_URL": f"http://127.0.0.1:{service_port}" for name in services}
    settings = {"PORT": str(port), "TOKEN_ISSUER": ISSUER, "PER_USER": "10000000", "PER_CLINIC": "10000000", **urls}
    with _process([sys.executable, "-m", "gateway.main"], SERVERS_CORE, {**environment, **settings}) as pid:
        _wait(f"http://127.0.0.1:{port}/healthz")
        yield Server("gateway", port, [pid])


def _jwks(key: Ed25519PrivateKey) -> str:
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return orjson.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "bench", "alg": "EdDSA", "x": x}]}).decode()


def _token(key: Ed25519PrivateKey) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": USER_AUDIENCE, "sub": "usr_bench", "kind": "staff", "role": "front_desk"}
    claims |= {"clinic_id": "cli_bench", "sid": "ses_bench", "jti": "1"}
    times = {"auth_time": now, "iat": now, "exp": now + 3600}
    return sign(claims | times, key=key, kid="bench", token_type=ACCESS_TOKEN)


def _wait(url: str, seconds: float = 20.0) -> None:
    """Until the URL answers with a 2xx."""
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own loopback address
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
