"""`make audit-deps`: known vulnerabilities of what is locked, by PyPI's advisories or else by OSV's.

Exit status: 0 none known, 1 some found, 3 when neither service could be asked, which says nothing of the packages.
"""

from __future__ import annotations

import json
import subprocess
import sys

LOCKS = (
    "layers/common/requirements.txt",
    *(f"requirements-{name}.txt" for name in ("uv", "dev", "sam", "checkov", "docs")),
)
COULD_NOT_ASK = 3


def audit(lock: str, service: str) -> list[dict[str, object]] | None:
    """The packages of a lock with what is known of each; None if the service could not be asked of every one."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    ran = subprocess.run(
        [*command, "--vulnerability-service", service, "--requirement", lock],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages: list[dict[str, object]] = json.loads(ran.stdout)["dependencies"]
    except ValueError:
        return None
    return None if any("skip_reason" in package for package in packages) else packages


def main() -> int:
    vulnerable = 0
    for lock in LOCKS:
        packages = audit(lock, "pypi") or audit(lock, "osv")
        if packages is None:
            print(f"{lock}: NOT AUDITED. Neither PyPI's advisories nor OSV's can be reached from here.")
            return COULD_NOT_ASK
        found = [package for package in packages if package["vulns"]]
        print(f"{lock}: {len(packages)} packages, {len(found)} with known vulnerabilities")
        for package in found:
            print(f"  {package['name']} {package['version']}: {json.dumps(package['vulns'])}")
        vulnerable += len(found)
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
