"""Names in Keras files of the original canonical fusion network, and of Keras' ResNets, to ours."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from posecap.models.errors import CheckpointError

_CONVOLUTIONS = {
    "conv2d_transpose": "decoder.0",
    "conv2d_transpose_1": "decoder.3",
    "conv2d_transpose_2": "decoder.6",
    "conv2d": "final_layer",
    "shared_2048_to_300": "reduce",
    "conv2d_1": "fuse.0",
    "conv2d_2": "fuse.3",
    "shared_300_to_2048": "expand",
}

_WEIGHTS = {
    "kernel": "weight",
    "gamma": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@dataclass(frozen=True, slots=True)
class KerasNames:
    """The names in a file of the network for `views` views; call it with a key."""

    views: int = 4

    def __call__(self, key: str) -> str:
        """The name of our tensor for a weight of a Keras model ("conv2_block1_1_conv/kernel:0").

        Names that the original does not have are given back as they are.
        """
        layer, _, weight = key.removesuffix(":0").rpartition("/")
        ours = _CONVOLUTIONS.get(layer) or _norms(self.views).get(layer) or _encoder(layer)
        return f"{ours}.{_WEIGHTS[weight]}" if ours is not None and weight in _WEIGHTS else key

    def of_file(self, keys: Iterable[str]) -> "KerasNames":
        """The names in the file that has these keys: its BatchNorms tell its number of views.

        Raises:
            CheckpointError: they are those of no number of views.
        """
        norms = {found[0] for key in keys if (found := re.match(r"batch_normalization(_\d+)?(?=/)", key))}
        if not norms:
            return self  # no file of the original: a trunk, or our own names
        views, rest = divmod(len(norms) - 5, 2)
        if rest or views < 1 or norms != _norms(views).keys():
            raise CheckpointError(
                f"the file has {len(norms)} numbered BatchNorms, expected batch_normalization to _{len(norms) - 1}, "
                "5 and 2 for each view: save the whole network in a program that has built nothing else"
            )
        return KerasNames(views)


our_key = KerasNames()
"""Of the published network, for four views."""


def _norms(views: int) -> dict[str, str]:
    """Keras numbers layers without a name in the order in which the program makes them: decoder, then trunk."""
    ours = [f"decoder.{index}" for index in (1, 4, 7)]
    ours += [f"reduce_norm.norms.{view}" for view in range(views)]
    ours += ["fuse.1", "fuse.4"]
    ours += [f"expand_norm.norms.{view}" for view in range(views)]
    return {f"batch_normalization{f'_{n}' if n else ''}": name for n, name in enumerate(ours)}


def _encoder(layer: str) -> str | None:
    """Keras counts stages from 2, blocks and their convolutions from 1; convolution 0 is the skip connection's."""
    stem = re.fullmatch(r"conv1_(conv|bn)", layer)
    if stem is not None:
        return f"encoder.{stem[1]}1"
    inner = re.fullmatch(r"conv([2-5])_block(\d+)_([0-3])_(conv|bn)", layer)
    if inner is None:
        return None
    stage, block, place, kind = int(inner[1]) - 1, int(inner[2]) - 1, int(inner[3]), inner[4]
    name = f"downsample.{int(kind == 'bn')}" if place == 0 else f"{kind}{place}"
    return f"encoder.layer{stage}.{block}.{name}"
