"""Leave in a layer's botocore what the functions read of its data: `trim_botocore.py LAYER/python`.

botocore carries the description of every AWS service, 28 MB, and looks through all of it when a client is made. A
service that is not named here cannot be asked by a function; scripts/check_build.py makes a client of each.
"""

import gzip
import json
import pathlib
import shutil
import sys

SERVICES = ("dynamodb", "events", "secretsmanager", "sesv2", "sqs")
_MODEL = "service-2.json"


def trim(packages: pathlib.Path) -> None:
    """Drop the other services, superseded versions, examples, and the prose in what is left."""
    data = packages / "botocore" / "data"
    for folder in [path for path in data.iterdir() if path.is_dir()]:
        if folder.name not in SERVICES:
            shutil.rmtree(folder)
            continue
        *superseded, newest = sorted(path for path in folder.iterdir() if path.is_dir())
        for version in superseded:
            shutil.rmtree(version)
        _lighten(newest)
    endpoints = data / "endpoints.json"
    found = json.loads(endpoints.read_bytes())
    for partition in found["partitions"]:
        partition["services"] = {name: each for name, each in partition["services"].items() if name in SERVICES}
    _write(endpoints, found)


def _lighten(version: pathlib.Path) -> None:
    for path in list(version.iterdir()):
        if path.name.startswith("examples"):
            path.unlink()
        elif path.suffix == ".gz":
            # Uncompressed: the layer is compressed as a whole, and is unpacked before the function starts.
            described = json.loads(gzip.decompress(path.read_bytes()))
            _write(path.with_suffix(""), _without_prose(described) if path.stem == _MODEL else described)
            path.unlink()


def _without_prose(node: object) -> object:
    if isinstance(node, list):
        return [_without_prose(each) for each in node]
    if isinstance(node, dict):
        # A string is the prose; a shape's member may have the same name.
        prose = {name for name, each in node.items() if name == "documentation" and isinstance(each, str)}
        return {name: _without_prose(each) for name, each in node.items() if name not in prose}
    return node


def _write(path: pathlib.Path, content: object) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")))


if __name__ == "__main__":
    trim(pathlib.Path(sys.argv[1]))
