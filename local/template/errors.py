class TemplateError(Exception):
    """The template says something that the local stack cannot serve; the message names the place and the remedy."""
