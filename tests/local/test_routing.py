from __future__ import annotations

import pytest

from local.gateway.routing import Router
from local.template import Route


def routed(method: str, path: str, *routes: str) -> tuple[str, dict[str, str]] | None:
    made = [Route("api", *_split(key), function=key, authorizer=None, scopes=(), cors=None) for key in routes]
    match = Router(made).match(method, path)
    return None if match is None else (match.route.function, dict(match.path_parameters))


def _split(key: str) -> tuple[str, str]:
    method, _, path = key.rpartition(" ")
    return method or "ANY", path


PETS = ("GET /pets", "GET /pets/{id}", "GET /pets/all", "PUT /pets/{kind}/{id}", "GET /files/{proxy+}")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/pets", ("GET /pets", {})),
        ("GET", "/pets/all", ("GET /pets/all", {})),
        ("GET", "/pets/6", ("GET /pets/{id}", {"id": "6"})),
        ("PUT", "/pets/dog/6", ("PUT /pets/{kind}/{id}", {"kind": "dog", "id": "6"})),
        ("GET", "/files/a/b/c", ("GET /files/{proxy+}", {"proxy": "a/b/c"})),
        ("GET", "/pets/a%20b%2Fc", ("GET /pets/{id}", {"id": "a b/c"})),
        ("GET", "/pets/", None),
        ("GET", "/pets//", None),
        ("GET", "/", None),
        ("GET", "/Pets", None),
        ("POST", "/pets", None),
        ("HEAD", "/pets", None),
        ("GET", "/pets/6/7/8", None),
    ],
)
def test_a_request_takes_the_most_specific_route(method: str, path: str, expected: object) -> None:
    assert routed(method, path, *PETS) == expected


def test_a_route_for_the_method_goes_before_one_for_any() -> None:
    routes = ("ANY /pets", "GET /pets")
    assert routed("GET", "/pets", *routes) == ("GET /pets", {})
    assert routed("DELETE", "/pets", *routes) == ("ANY /pets", {})


def test_the_default_route_takes_what_no_other_does() -> None:
    assert routed("PATCH", "/anything", "GET /pets", "$default") == ("$default", {})
    assert routed("GET", "/pets", "GET /pets", "$default") == ("GET /pets", {})


def test_a_literal_of_another_method_does_not_hide_a_variable() -> None:
    assert routed("DELETE", "/pets/all", "GET /pets/all", "DELETE /pets/{id}") == ("DELETE /pets/{id}", {"id": "all"})


def test_variables_may_have_names_that_are_no_python_names() -> None:
    assert routed("GET", "/pets/6", "GET /pets/{pet-id}") == ("GET /pets/{pet-id}", {"pet-id": "6"})
