"""Names in Keras files of the original canonical fusion network, and of Keras' ResNets, to ours."""

import re

_LAYERS = {
    **{f"conv2d_transpose{suffix}": f"decoder.{3 * index}" for index, suffix in enumerate(("", "_1", "_2"))},
    **{
        f"batch_normalization{suffix}": f"decoder.{3 * index + 1}"
        for index, suffix in enumerate(("", "_1", "_2"))
    },
    "conv2d": "final_layer",
    "shared_2048_to_300": "reduce",
    **{f"batch_normalization_{3 + view}": f"reduce_norm.norms.{view}" for view in range(4)},
    "conv2d_1": "fuse.0",
    "batch_normalization_7": "fuse.1",
    "conv2d_2": "fuse.3",
    "batch_normalization_8": "fuse.4",
    "shared_300_to_2048": "expand",
    **{f"batch_normalization_{9 + view}": f"expand_norm.norms.{view}" for view in range(4)},
}
"""Keras numbers layers without a name in the order in which the program makes them: decoder, then trunk."""

_WEIGHTS = {
    "kernel": "weight",
    "gamma": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def our_key(key: str) -> str:
    """The name of our tensor for a weight of a Keras model ("conv2_block1_1_conv/kernel:0").

    Names that the original does not have are given back as they are.
    """
    layer, _, weight = key.removesuffix(":0").rpartition("/")
    ours = _LAYERS.get(layer) or _encoder(layer)
    return f"{ours}.{_WEIGHTS[weight]}" if ours is not None and weight in _WEIGHTS else key


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
