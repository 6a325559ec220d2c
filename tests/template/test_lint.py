"""What the linters of the template and the workflows are let off, and what the workflows may do."""

from __future__ import annotations

import re

import yaml

from scripts.attest_build import ATTESTATION, SBOM
from tests.template.deployed import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_every_check_that_is_passed_over_says_why() -> None:
    lines = (ROOT / ".checkov.yaml").read_text().split("skip-check:\n")[1].splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"  - CKV_AWS_\d+ # .{30,}", line), line
    assert len({line.split()[1] for line in lines}) == len(lines)


def test_no_workflow_holds_or_asks_for_a_stored_key() -> None:
    assert WORKFLOWS
    for path in WORKFLOWS:
        text = path.read_text()
        assert "secrets." not in text, path.name
        assert not re.search(r"AKIA|aws-secret-access-key|aws-access-key-id", text), path.name


def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it() -> None:
    for path in WORKFLOWS:
        for line in path.read_text().splitlines():
            if "uses:" in line and "./" not in line:
                assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_only_a_deployment_is_given_a_token_for_aws_and_what_checks_a_pull_request_is_not() -> None:
    delivery = yaml.safe_load((ROOT / ".github/workflows/delivery.yml").read_text())
    assert delivery["permissions"] == {"contents": "read"}
    assert "permissions" not in delivery["jobs"]["check"]
    for stage in ("dev", "prod"):
        given = {"contents": "read", "id-token": "write", "attestations": "write"}
        assert delivery["jobs"][stage]["permissions"] == given
        assert delivery["jobs"][stage]["if"] == "github.event_name == 'push'"
    assert (delivery["jobs"]["dev"]["needs"], delivery["jobs"]["prod"]["needs"]) == ("check", "dev")


def test_a_deployment_waits_for_its_environment_is_looked_at_and_is_taken_back() -> None:
    (job,) = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"].values()
    assert job["environment"] == "${{ inputs.stage }}"
    names = [step.get("name") for step in job["steps"]]
    signed = ["Sign what was built", "Keep what was signed"]
    order = ["Which commit runs there now", "Deploy", "Smoke test", "Note what runs now", "Roll back", *signed]
    assert [name for name in names if name] == order
    back = next(step for step in job["steps"] if step.get("name") == "Roll back")
    assert "failure()" in back["if"]
    assert "steps.deploy.outcome == 'success'" in back["if"]


def test_what_is_deployed_is_signed_and_kept() -> None:
    (job,) = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"].values()
    steps = {step.get("name"): step for step in job["steps"]}
    sign, keep = steps["Sign what was built"], steps["Keep what was signed"]
    assert sign["uses"].startswith("actions/attest-build-provenance@")
    written = [f".aws-sam/{name}" for name in (ATTESTATION, SBOM)]
    assert sorted(sign["with"]["subject-path"].split()) == sorted(keep["with"]["path"].split()) == sorted(written)
    # A folder whose name begins with a dot is left out of an artifact otherwise.
    assert keep["with"]["include-hidden-files"] is True


def test_the_commands_of_the_workflows_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for path in WORKFLOWS:
        for target in re.findall(r"\bmake ([a-z-]+)", path.read_text()):
            assert f"\n{target}:" in makefile, target
        for script in re.findall(r"(?:run: |\s)(\.ci/run|scripts/\w+)$", path.read_text(), re.MULTILINE):
            assert (ROOT / script).stat().st_mode & 0o111, script
