"""`make build`: say what was built: a bill of materials (CycloneDX) and an attestation (in-toto, SLSA provenance).

The bill lists what the layer ships, by the metadata of the packages that are in it, each with the hashes that its lock
allows. The attestation names the commit, whether anything beside it was changed, the locks, and the digest of every
function, of the layer and of the template. Both are written beside the build and are the same for the same build.
`--check` recomputes the digests of what lies there, for whoever deploys it later or elsewhere.

It is a statement, and not signed: `deploy.yml` signs it by GitHub's own means when it deploys.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / ".aws-sam"
LOCK: Final = "layers/common/requirements.txt"
LOCKS: Final = (LOCK, "requirements-sam.txt", "requirements-dev.txt")
SBOM, ATTESTATION = "sbom.cdx.json", "attestation.json"
_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


class Unattested(Exception):
    """The build is not what can be attested, or not what was; the message says why."""


def digest(path: Path) -> str:
    """SHA-256 of a file; of a folder, over the names and digests of all files in it."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    files = sorted(each for each in path.rglob("*") if each.is_file())
    lines = (f"{each.relative_to(path).as_posix()} {digest(each)}\n" for each in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def locked(lock: str) -> dict[str, tuple[str, list[str]]]:
    """Of each package of a lock its version and the hashes that it allows."""
    found: dict[str, tuple[str, list[str]]] = {}
    for entry in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE):
        if pinned := re.match(r"([a-z0-9._-]+)==([^\s;]+)", entry):
            found[_name(pinned[1])] = (pinned[2], sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry)))
    return found


def bill(layer: Path, lock: str, made_at: datetime) -> str:
    """The bill of what the layer ships. Unattested for a package that the lock does not name, or in another version."""
    pins = locked(lock)
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, digest(layer)))
    bom.metadata.timestamp = made_at
    whole = bom.metadata.component = Component(
        name="aerostack-billing", type=ComponentType.APPLICATION, bom_ref="aerostack-billing"
    )
    for shipped in sorted(distributions(path=[str(layer)]), key=lambda each: _name(each.name)):
        name = _name(shipped.name)
        version, hashes = pins.get(name, (None, []))
        if version != shipped.version:
            raise Unattested(f"the layer ships {name} {shipped.version}, and its lock has {version or 'none'}")
        bom.components.add(_component(name, shipped, hashes))
    if not bom.components:
        raise Unattested(f"{layer} ships no packages: run make build first")
    bom.register_dependency(whole, bom.components)
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise Unattested(f"the bill is no CycloneDX: {wrong}")
    return text


def _component(name: str, shipped: Distribution, hashes: list[str]) -> Component:
    return Component(
        name=name,
        version=shipped.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{name}=={shipped.version}",
        purl=PackageURL("pypi", name=name, version=shipped.version),
        description=shipped.metadata["Summary"],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in hashes],
    )


def statement(build: Path, root: Path, commit: str, *, changed: bool, sbom: str) -> dict[str, object]:
    """What was built of what: an in-toto statement with SLSA's provenance as its predicate."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": value}} for name, value in _subjects(build)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "make build",
                "externalParameters": {"changed_since_commit": changed},
                "resolvedDependencies": [
                    {"name": "commit", "digest": {"gitCommit": commit}},
                    *({"name": lock, "digest": {"sha256": digest(root / lock)}} for lock in LOCKS),
                ],
            },
            "runDetails": {
                "builder": {"id": "make build"},
                "byproducts": [{"name": SBOM, "digest": {"sha256": hashlib.sha256(sbom.encode()).hexdigest()}}],
            },
        },
    }


def _subjects(build: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(build.iterdir()):
        yield path.name, digest(path)


def check(build: Path, attested: dict[str, list[dict[str, dict[str, str]]]]) -> None:
    """Return if what lies there is what was attested; Unattested, with the names, if not.

    The template is stamped for its stage when it is deployed, and may differ by that one line.
    """
    was = {str(subject["name"]): subject["digest"]["sha256"] for subject in attested["subject"]}
    now = dict(_subjects(build))
    other = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
    if other:
        raise Unattested(f"these are not as they were attested: {', '.join(other)}")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(arguments: list[str]) -> int:
    """Write both files, or check the one."""
    build = OUTPUT / "build"
    try:
        if arguments == ["--check"]:
            check(build, json.loads((OUTPUT / ATTESTATION).read_text(encoding="utf-8")))
            return 0
        made_at = datetime.fromisoformat(_git("log", "-1", "--format=%cI")).astimezone(UTC)
        lock = (ROOT / LOCK).read_text(encoding="utf-8")
        sbom = bill(build / "CommonLayer" / "python", lock, made_at)
        changed = bool(_git("status", "--porcelain", "--untracked-files=no"))
        attested = statement(build, ROOT, _git("rev-parse", "HEAD"), changed=changed, sbom=sbom)
    except (Unattested, OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    (OUTPUT / SBOM).write_text(sbom, encoding="utf-8")
    (OUTPUT / ATTESTATION).write_text(json.dumps(attested, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
