class LocalError(Exception):
    """Why a command of the local stack cannot do its work; the message says what to do about it."""
