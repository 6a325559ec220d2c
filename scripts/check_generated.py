"""Call every operation by the client that openapi-python-client makes of docs/openapi.json: the examples go round.

    .venv-api/bin/python scripts/check_generated.py FOLDER

FOLDER holds the generated package. Each operation is called with the example of its request; what is sent must be the
example, and the example of the answer, read into the generated models and written again, must be the same. An answer
that is not JSON must be read as the text that it is.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx

DOCUMENT = json.loads((Path(__file__).parents[1] / "docs/openapi.json").read_text(encoding="utf-8"))


def main(folder: Path) -> None:
    """Check all operations; exits with what differs."""
    sys.path.insert(0, str(folder.parent))
    operations = [(operation, path) for path, methods in DOCUMENT["paths"].items() for operation in methods.values()]
    wrong = [seen for operation, _ in operations for seen in differences(folder.name, operation)]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(operations)} operations went round by the generated Python client.")


def differences(package: str, operation: dict[str, Any]) -> list[str]:
    """What is lost of an operation's examples on their way through the generated client."""
    name = operation["operationId"]
    (tag,) = operation["tags"]
    module = importlib.import_module(f"{package}.api.{snake(tag)}.{snake(name)}")
    body = operation.get("requestBody")
    asked = example(body)
    model = "" if body is None else body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    found = []
    for status, response in operation["responses"].items():
        answer = example(response)
        if status[0] != "2" or answer is None:
            continue
        sent, parsed = called(package, module, model, asked, int(status), answer)
        if sent != asked:
            found.append(f"{name}: sent {sent}, not {asked}")
        read = parsed.to_dict() if hasattr(parsed, "to_dict") else parsed
        if not contains(read, answer):
            found.append(f"{name}: {status} was read as {parsed}")
    return found


def called(package: str, module: Any, model: str, asked: Any, status: int, answer: Any) -> tuple[Any, Any]:  # noqa: ANN401 - generated
    """What was sent, and what the answer was read as."""
    sent: list[Any] = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content) if request.content else None)
        return httpx.Response(status, text=answer) if isinstance(answer, str) else httpx.Response(status, json=answer)

    client = importlib.import_module(package).AuthenticatedClient(
        "http://api",
        token="t",  # noqa: S106 - of no service
        raise_on_unexpected_status=True,
    )
    client.set_httpx_client(httpx.Client(base_url="http://api", transport=httpx.MockTransport(respond)))
    given: dict[str, Any] = {"client": client}
    for name, parameter in inspect.signature(module.sync_detailed).parameters.items():
        if name == "body":
            given[name] = getattr(importlib.import_module(f"{package}.models"), model).from_dict(asked)
        elif name not in given and parameter.default is inspect.Parameter.empty:
            enum = parameter.annotation
            given[name] = next(iter(enum)) if inspect.isclass(enum) and hasattr(enum, "__members__") else "x"
    parsed = module.sync_detailed(**given).parsed
    return sent[0], parsed


def contains(whole: Any, part: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether all of a part is there; moments and numbers may be written in another way."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and contains(whole[name], part[name]) for name in part)
    if isinstance(part, list):
        return len(whole) == len(part) and all(contains(*pair) for pair in zip(whole, part, strict=True))
    if isinstance(part, str) and re.match(r"\d{4}-\d\d-\d\dT", part):
        return part.removesuffix("Z").rstrip("0").removesuffix(".")[:26] in str(whole)
    return bool(whole == part)


def example(place: dict[str, Any] | None) -> Any:  # noqa: ANN401 - any JSON
    """The example of a request or of an answer; some text where it is not JSON."""
    if place is None:
        return None
    return place["content"]["application/json"].get("example") if "application/json" in place["content"] else "a line\n"


def snake(name: str) -> str:
    """As the generator names modules."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
