from local.errors import LocalError


class TemplateError(LocalError):
    """The template says something that the local stack cannot serve; the message names the place and the remedy."""
