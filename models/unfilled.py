"""Networks whose weights are about to be replaced: built without drawing random numbers for them."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_RANDOM = ("uniform_", "normal_")


class Unfilled(TorchFunctionMode):
    """While it is open, new weights stay what the memory held, and pages that nobody touches cost none.

    Only what is drawn at random is left out: BatchNorms, zeros and the buffers that are in no file are as ever.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__name__", "").endswith(_RANDOM):  # Tensor.uniform_, nn.init.kaiming_normal_ ...
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def take_over(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Make `tensors`, all that `module` has, its own: without a copy where each is alone in its memory and fits.

    The module becomes another to optimisers that know its parameters: call it before they are made.
    """
    wanted = module.state_dict()
    owners: dict[int, int] = {}
    for tensor in tensors.values():
        place = tensor.untyped_storage().data_ptr()
        owners[place] = owners.get(place, 0) + 1

    def own(key: str, tensor: Tensor) -> Tensor:
        tensor = tensor.detach()
        storage = tensor.untyped_storage()
        alone = owners[storage.data_ptr()] == 1 and storage.nbytes() == tensor.nbytes
        if alone and tensor.dtype == wanted[key].dtype and tensor.is_contiguous():
            return tensor
        return tensor.to(wanted[key].dtype, copy=True).contiguous()

    module.load_state_dict({key: own(key, tensor) for key, tensor in tensors.items()}, assign=True)
