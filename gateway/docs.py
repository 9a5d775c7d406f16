"""The documentation page: Swagger UI, served by us, so that it works without the internet.

The assets come with the package `fastapi-offline`; it is located, not imported, because importing it loads FastAPI.
"""

from importlib.util import find_spec
from pathlib import Path

_OURS = Path(__file__).parent / "static"


def _packaged() -> Path:
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package fastapi-offline, which holds the documentation page's assets, is not installed")
    return Path(spec.origin).parent / "static"


DOCS_HTML = (_OURS / "docs.html").read_bytes()

ASSETS: dict[str, tuple[Path, str]] = {
    "/docs/swagger-ui.js": (_packaged() / "swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    "/docs/swagger-ui.css": (_packaged() / "swagger-ui.css", "text/css; charset=utf-8"),
    "/docs/docs.css": (_OURS / "docs.css", "text/css; charset=utf-8"),
    "/docs/docs.js": (_OURS / "docs.js", "text/javascript; charset=utf-8"),
    "/docs/icon.svg": (_OURS / "icon.svg", "image/svg+xml"),
}
"""Path -> file and media type."""
