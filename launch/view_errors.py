"""What can go wrong in the viewer."""


class WindowError(Exception):
    """No window can be opened."""
