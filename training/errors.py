"""What can be wrong with data for training, said in one sentence that ends with the remedy."""


class SyntheticError(Exception):
    """The body data of the synthetic people cannot be fetched, or a set cannot be written."""


class DatasetError(Exception):
    """A data set that is incomplete, or whose files contradict each other or their documentation."""
