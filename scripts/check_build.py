"""Hold the output of `sam build` to what the layer and the functions promise to ship."""

import pathlib
import re
import subprocess
import sys

BUILD = pathlib.Path(__file__).parent.parent / ".aws-sam" / "build"
LAYER = BUILD / "CommonLayer" / "python"
LAYER_LIMIT_MB = 80  # Lambda's own limit is 250 MB unzipped, function and layers together


def _services_asked() -> set[str]:
    """The AWS services that the code makes clients of."""
    code = (path.read_text() for path in LAYER.glob("aerostack_billing/**/*.py"))
    return {name for text in code for name in re.findall(r'_make_client\(\s*"([a-z0-9-]+)"', text)}


def _makes(service: str) -> bool:
    """Whether a client can be made of what the layer ships, which is pure Python as far as botocore goes."""
    script = f"from botocore.session import get_session; get_session().create_client({service!r}, 'us-east-1')"
    environment = {"PYTHONPATH": str(LAYER), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 0


def faults() -> list[str]:
    found = [
        f"the layer lacks {name}"
        for name in ("aerostack_billing", "botocore", "pydantic", "stripe")
        if not (LAYER / name / "__init__.py").is_file()
    ]
    found += [
        f"the layer ships {name}, which nothing there needs"
        for name in ("boto3", "requests", "moto", "pytest")
        if (LAYER / name).exists()
    ]
    found += [
        f"{path.name} is not built for Lambda on arm64" for path in LAYER.rglob("*.so") if "aarch64" not in path.name
    ]
    found += [f"the layer's botocore cannot make a client: {name}" for name in _services_asked() if not _makes(name)]
    if not any(LAYER.glob("aerostack_billing/__pycache__/*.cpython-313.pyc")):
        found.append("the layer ships no bytecode, so every cold start compiles it again")
    size_mb = sum(path.stat().st_size for path in LAYER.rglob("*") if path.is_file()) // 1_000_000
    if size_mb > LAYER_LIMIT_MB:
        found.append(f"the layer has grown to {size_mb} MB")
    found += [f"{folder.name} has no app.py" for folder in BUILD.glob("*Function") if not (folder / "app.py").is_file()]
    return found


if __name__ == "__main__":
    if not LAYER.is_dir():
        sys.exit("Nothing is built yet: run make build")
    sys.exit("\n".join(faults()) or None)
