"""What can go wrong with weights and model definitions, each said in one sentence that ends with the remedy."""


class ModelError(Exception):
    """Root: an unknown preset, a broken network file."""


class WeightsError(ModelError):
    """Weights that are absent and cannot be fetched, or whose checksum is wrong."""


class NetworkError(ModelError):
    """A network that does not exist, or that cannot be built, exported or checked as asked."""


class CheckpointError(ModelError):
    """A checkpoint that cannot be read, or that belongs to another network or preset."""
