"""Every number that a user may turn, with its default. `--set key=value` reaches the fields by name."""

from typing import Annotated, Literal

import msgspec

from posecap.runtime.errors import SettingsError

Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class PipelineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From frame sets to skeletons.

    Attributes:
        model: preset of `models/weights.toml` that finds joints in a region.
        detector: preset that finds people in a picture; "auto" takes the best whose weights are present.
        engine: inference backend.
        precision: arithmetic of the engine; f32 unless a model was checked in bf16.
        threads: of the engine; 0 = one for each core that the process may use.
        joints: name of the published joint set; "" = the model's own.
        detect_every: frame sets between two runs of the person detector while somebody is tracked.
        max_people: more are not tracked.
        min_views: cameras that must agree on a new person; 2 are accepted where the rig has only 2 or 3.
        least_views: views that are read of every frame set; more are left out, in turn, only where the machine
            cannot keep up with the cameras.
        lift: stage 1. "dlt" triangulates; "rpsm" then searches the heatmaps of all views for the likeliest skeleton
            with the person's bone lengths; "cross_view", "canonical" and "two_stage" run trained multi-view networks.
            All but the first need PyTorch.
        lift_weights: file of a multi-view network that was trained for this rig.
        lift_network: which network that is, for files that do not say it; "" = the first of its system.
        lift_any_rig: take weights that were trained for another rig, or do not say for which.
        gross_m: distance of a joint from a view's ray beyond which that view is an outlier, metres.
        lag_frames: frame sets that stage 2 waits for the future; 0 = none. Counts in the published latency.
        watch_mm: the least shift of a camera, at the people, that raises an alarm; 0 = cameras are not watched.
        time_scale: seconds of the scene that pass in one second of the clock (below 1: slowed down).
    """

    model: str = "blazepose-full"
    detector: str = "auto"
    engine: Literal["openvino", "onnxruntime"] = "openvino"
    precision: Literal["f32", "bf16"] = "f32"
    threads: Count = 0
    joints: str = ""
    detect_every: Annotated[int, msgspec.Meta(ge=1)] = 45
    max_people: Annotated[int, msgspec.Meta(ge=1, le=64)] = 10
    min_views: Annotated[int, msgspec.Meta(ge=2)] = 3
    least_views: Annotated[int, msgspec.Meta(ge=2)] = 3
    lift: Literal["dlt", "rpsm", "cross_view", "canonical", "two_stage"] = "dlt"
    lift_weights: str = ""
    lift_network: str = ""
    lift_any_rig: bool = False
    gross_m: Positive = 0.12
    lag_frames: Annotated[int, msgspec.Meta(ge=0, le=120)] = 1
    watch_mm: Annotated[float, msgspec.Meta(ge=0)] = 15.0
    time_scale: Positive = 1.0


def with_overrides(settings: PipelineSettings, overrides: list[str]) -> PipelineSettings:
    """`settings` with "key=value" texts applied; raises SettingsError that names the keys there are."""
    values = {field: getattr(settings, field) for field in settings.__struct_fields__}
    for text in overrides:
        key, separator, value = text.partition("=")
        if not separator:
            raise SettingsError(f"--set {text!r} has no '=': write --set key=value")
        if key not in values:
            raise SettingsError(
                f"--set {key!r} is unknown, there are {', '.join(values)}: check the spelling"
            )
        values[key] = value
    try:
        return msgspec.convert(values, PipelineSettings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"--set: {error}: see `--help` for what each key takes") from error
