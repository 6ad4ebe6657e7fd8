"""The paper's own network (Zhou et al., ICCV 2017): stacked hourglasses, and how its maps are read and scored."""

from posecap.models.depth_decoding import DepthDecoding
from posecap.models.depth_scale import BoneSum, ScoredJoints
from posecap.models.hourglass import StackedHourglass


class WeaklySupervisedHourglass(StackedHourglass):
    """Two stacked hourglasses with a depth for each joint. What `forward` gives is told in `StackedHourglass`.

    Args:
        sizes: stacks, modules, depth_modules, joints and size_px, see `StackedHourglass`.
        y_bias, sub_pixel, flip_shift, exchanged_step: how maps are read, see `DepthDecoding`; the weights do not
            depend on them.
        bone_sum_mm, scored_joints: what the bones of everybody sum to, and which joints are scored, see `BoneSum`;
            without a sum the size is for the caller to know.

    Attributes:
        decoding: reads joints out of the maps.
        bone_sum: the joints that the original scores, in millimetres; None in the clean preset.
    """

    def __init__(
        self,
        *,
        y_bias: bool = False,
        sub_pixel: bool = True,
        flip_shift: bool = True,
        exchanged_step: bool = False,
        bone_sum_mm: float | None = None,
        scored_joints: ScoredJoints = "mpii-16/1",
        **sizes: int,
    ) -> None:
        super().__init__(**sizes)
        self.decoding = DepthDecoding(
            y_bias=y_bias, sub_pixel=sub_pixel, flip_shift=flip_shift, exchanged_step=exchanged_step
        )
        self.bone_sum = None if bone_sum_mm is None else BoneSum(bone_sum_mm, scored_joints)
