from local.template.errors import TemplateError
from local.template.model import (
    Cors,
    Function,
    Index,
    JwtAuthorizer,
    Queue,
    QueueSource,
    Route,
    Schedule,
    ServerlessApp,
    Table,
)
from local.template.reader import load_app

__all__ = [
    "Cors",
    "Function",
    "Index",
    "JwtAuthorizer",
    "Queue",
    "QueueSource",
    "Route",
    "Schedule",
    "ServerlessApp",
    "Table",
    "TemplateError",
    "load_app",
]
