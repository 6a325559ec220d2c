"""What was built is said to the byte: the packages that the layer ships, and the digest of each part."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scripts.attest_build import LOCKS, Unattested, bill, check, digest, statement

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
LOCK = f"""one==1.0.0 \\
    --hash=sha256:{"a" * 64} \\
    --hash=sha256:{"b" * 64}
    # via two
two-parts==2.1 ; python_version >= '3.11' \\
    --hash=sha256:{"c" * 64}
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    built = tmp_path / "build"
    for name, version in (("one", "1.0.0"), ("Two.Parts", "2.1")):
        info = built / "CommonLayer" / "python" / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: A part.\n")
    (built / "ChargeFunction").mkdir()
    (built / "ChargeFunction" / "app.py").write_text("handler = None\n")
    (built / "template.yaml").write_text("Resources: {}\n")
    for lock in LOCKS:
        (tmp_path / lock).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / lock).write_text(LOCK)
    return built


def layer(build: Path) -> Path:
    return build / "CommonLayer" / "python"


def test_the_bill_lists_what_the_layer_ships_with_the_hashes_of_its_lock(build: Path) -> None:
    listed = json.loads(bill(layer(build), LOCK, AT))
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")
    shipped = {each["purl"]: {found["content"] for found in each["hashes"]} for each in listed["components"]}
    assert shipped == {"pkg:pypi/one@1.0.0": {"a" * 64, "b" * 64}, "pkg:pypi/two-parts@2.1": {"c" * 64}}


def test_the_same_build_has_the_same_bill_and_another_has_another(build: Path) -> None:
    first = bill(layer(build), LOCK, AT)
    assert bill(layer(build), LOCK, AT) == first
    (layer(build) / "more.py").write_text("")
    assert json.loads(bill(layer(build), LOCK, AT))["serialNumber"] != json.loads(first)["serialNumber"]


@pytest.mark.parametrize("lock", ["", LOCK.replace("one==1.0.0", "one==1.0.1"), LOCK.replace("two-parts", "other")])
def test_a_package_that_its_lock_does_not_name_is_not_attested(build: Path, lock: str) -> None:
    with pytest.raises(Unattested):
        bill(layer(build), lock, AT)


def test_a_layer_without_packages_is_not_attested(tmp_path: Path) -> None:
    with pytest.raises(Unattested):
        bill(tmp_path, LOCK, AT)


def test_a_byte_that_is_changed_after_the_build_is_found_by_its_part(build: Path) -> None:
    attested = statement(build, build.parent, "c" * 40, changed=False, sbom="{}")
    check(build, json.loads(json.dumps(attested)))
    assert {each["name"] for each in attested["subject"]} == {"ChargeFunction", "CommonLayer", "template.yaml"}  # type: ignore[attr-defined]
    (build / "ChargeFunction" / "app.py").write_text("handler = 1\n")
    (build / "Backdoor").mkdir()
    with pytest.raises(Unattested, match="Backdoor, ChargeFunction"):
        check(build, json.loads(json.dumps(attested)))


def test_a_file_that_moves_or_is_renamed_is_another_build(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    before = digest(tmp_path)
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    assert digest(tmp_path) != before
