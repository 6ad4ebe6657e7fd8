"""The scorer says zero where there is no error, finds the errors that were put in, and nothing else."""

import math
from pathlib import Path

import numpy as np
import pytest
from example_messages import pose_message

from posecap.launch.errors import TruthError
from posecap.launch.score import MediaClock, Scorer, body_frames, bone_variation, procrustes_errors
from posecap.launch.truth import Truth, load_truth
from posecap.models.joints import BLAZEPOSE_33, LIMB_JOINTS
from posecap.runtime.messages import Person, PoseMessage

FPS, FRAMES = 30.0, 60
TRC = Path(__file__).parents[3] / "shared" / "data" / "pose2sim" / "single_reference.trc"

STANDING = np.array([
    (0.2, 0, 1.4), (-0.2, 0, 1.4), (0.3, 0, 1.1), (-0.3, 0, 1.1), (0.3, 0.1, 0.9), (-0.3, 0.1, 0.9),
    (0.1, 0, 0.9), (-0.1, 0, 0.9), (0.1, 0.05, 0.5), (-0.1, 0.05, 0.5), (0.1, 0, 0.1), (-0.1, 0, 0.1),
])  # fmt: skip


def walking(people=1) -> Truth:
    """People who turn about the vertical while they walk, two metres apart."""
    xyz = np.empty((FRAMES, people, 12, 3))
    for frame in range(FRAMES):
        angle = 0.03 * frame
        turn = np.array([
            [math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1],
        ])  # fmt: skip
        for person in range(people):
            xyz[frame, person] = STANDING @ turn.T + (0.02 * frame, 2.0 * person, 0)
    return Truth(xyz, FPS, "walking")


def message(limbs, ids, t_ns, order=BLAZEPOSE_33.names) -> PoseMessage:
    """Limb joints (people, 12, 3) in a message of another joint set."""
    base = pose_message(len(limbs), order)
    xyz = np.full((len(limbs), len(order), 3), np.nan, dtype=np.float32)
    for row, name in enumerate(LIMB_JOINTS):
        xyz[:, order.index(name)] = limbs[:, row]
    people = tuple(Person(one, 0.0) for one in ids)
    header = type(base.header)(
        **{field: getattr(base.header, field) for field in base.header.__struct_fields__}
        | {"t_ns": t_ns, "people": people}
    )
    return PoseMessage(header, xyz, base.covariance, base.residual_px, base.views)


def scorer_of(truth, publish, clock=None, times_s=None) -> Scorer:
    """A scorer that was given `publish(frame)` -> (limbs, ids) at every frame."""
    clock = clock or MediaClock(1_000, 1.0, FRAMES / FPS)
    scorer = Scorer(truth, clock)
    for frame in range(FRAMES) if times_s is None else range(len(times_s)):
        at_s = frame / FPS if times_s is None else times_s[frame]
        limbs, ids = publish(frame)
        scorer.add(message(limbs, ids, clock.epoch_ns + round(at_s / clock.speed * 1e9)))
    return scorer


def test_the_truth_itself_has_no_error():
    truth = walking()
    score = scorer_of(truth, lambda frame: (truth.xyz[frame], (4,))).score()
    assert (score.instants, score.published, score.id_switches) == (FRAMES, 1.0, 0)
    assert score.mpjpe_mm < 1e-3
    assert score.offset_removed_mm < 1e-3
    assert score.procrustes_mm < 1e-3
    assert score.bone_variation == pytest.approx(0, abs=1e-6)


def test_a_constant_offset_in_the_body_is_reported_and_removed():
    """Every joint 30 mm off, in a direction that turns with the person."""
    truth = walking()
    directions = np.random.default_rng(0).normal(size=(12, 3))
    offsets = 0.03 * directions / np.linalg.norm(directions, axis=1, keepdims=True)

    def publish(frame):
        world_from_body = body_frames(truth.xyz[frame])[0]
        return truth.xyz[frame] + offsets @ world_from_body.T, (4,)

    score = scorer_of(truth, publish).score()
    assert score.mpjpe_mm == pytest.approx(30, abs=0.01)
    assert score.median_mm == pytest.approx(30, abs=0.01)
    assert score.offset_removed_mm < 0.01


def test_noise_is_not_removed_with_the_offset():
    truth = walking()
    noise = np.random.default_rng(1).normal(scale=0.01, size=truth.xyz.shape)
    score = scorer_of(truth, lambda frame: (truth.xyz[frame] + noise[frame], (4,))).score()
    expected = 1e3 * np.linalg.norm(noise, axis=-1).mean()
    assert score.mpjpe_mm == pytest.approx(expected, rel=1e-3)
    assert score.offset_removed_mm == pytest.approx(expected, rel=0.05)
    assert score.bone_variation > 0.01


def test_procrustes_forgives_a_similarity_and_no_mirror():
    true = walking().xyz[:, 0]
    angle = 0.4
    turn = np.array(
        [[1, 0, 0], [0, math.cos(angle), -math.sin(angle)], [0, math.sin(angle), math.cos(angle)]]
    )
    assert np.nanmax(procrustes_errors(1.2 * true @ turn.T + (1, 2, 3), true)) < 1e-9
    assert np.nanmean(procrustes_errors(true * (-1, 1, 1), true)) > 0.05
    few = true.copy()
    few[:, 3:] = np.nan
    assert np.isnan(procrustes_errors(few, true)).all()


def test_bone_variation_is_the_relative_spread_of_lengths():
    xyz = np.broadcast_to(STANDING, (2, 12, 3)).copy()
    xyz[1] *= 1.2
    assert bone_variation(xyz) == pytest.approx(0.1 / 1.1)


def test_people_are_matched_whatever_their_order_and_switches_counted():
    truth = walking(people=2)

    def publish(frame):
        ids = (7, 9) if frame < 20 else (9, 7)
        return truth.xyz[frame][::-1] if frame < 10 else truth.xyz[frame], ids

    # order changes at 10 together with nothing else: both truths see another id; at 20 again
    score = scorer_of(truth, publish).score()
    assert score.mpjpe_mm < 1e-3
    assert score.id_switches == 4


def test_a_missing_person_lowers_the_share_and_not_the_error():
    truth = walking(people=2)
    score = scorer_of(truth, lambda frame: (truth.xyz[frame, :1], (1,))).score()
    assert score.published == pytest.approx(0.5)
    assert score.mpjpe_mm < 1e-3


def test_a_person_far_from_everybody_is_not_matched():
    truth = walking()
    score = scorer_of(truth, lambda frame: (truth.xyz[frame] + 5.0, (1,))).score()
    assert score.published == 0.0
    assert math.isnan(score.mpjpe_mm)


def test_between_frames_the_truth_is_interpolated():
    truth = walking()
    times = [(frame + 0.5) / FPS for frame in range(FRAMES - 1)]
    halves = (truth.xyz[1:] + truth.xyz[:-1]) / 2
    score = scorer_of(truth, lambda frame: (halves[frame], (1,)), times_s=times).score()
    assert score.instants == FRAMES - 1
    assert score.mpjpe_mm < 1e-2


def test_slow_motion_and_rounds_are_taken_into_account():
    """At half speed, two rounds: half a second of the clock after the seam is left out, as is a new id."""
    truth = walking()
    clock = MediaClock(5_000_000_000, 0.5, FRAMES / FPS)
    scorer = Scorer(truth, clock)
    for count in range(2 * FRAMES):
        frame, turn = count % FRAMES, count // FRAMES
        t_ns = clock.epoch_ns + round(count / FPS / clock.speed * 1e9)
        scorer.add(message(truth.xyz[frame], (turn,), t_ns))
    score = scorer.score()
    assert score.mpjpe_mm < 1e-3
    assert score.instants == 2 * FRAMES - math.ceil(0.25 * FPS)
    assert score.id_switches == 0


@pytest.mark.skipif(not TRC.is_file(), reason="the Pose2Sim reference is not beside the repository")
def test_a_trc_of_pose2sim_stands_upright_in_the_world():
    truth = load_truth(TRC)
    assert truth.xyz.shape == (100, 1, 12, 3)
    assert truth.fps == 60
    right_hip = truth.xyz[0, 0, LIMB_JOINTS.index("right_hip")]
    np.testing.assert_allclose(right_hip, (-1.400573592601662, -0.06499776880731573, 0.901513220141693))
    left_wrist = truth.xyz[0, 0, LIMB_JOINTS.index("left_wrist")]
    assert np.isfinite(left_wrist).all()
    assert np.nanmin(truth.xyz[..., 2]) > -0.1


def test_posecaps_own_truth_file_comes_back(tmp_path):
    file = tmp_path / "truth.npz"
    xyz = np.random.default_rng(0).normal(size=(5, 2, 33, 3)).astype(np.float32)
    np.savez(file, xyz=xyz, joints=np.array(BLAZEPOSE_33.names), fps=25.0)
    truth = load_truth(file, first_frame=2)
    assert (truth.fps, len(truth.xyz)) == (25.0, 3)
    hip = LIMB_JOINTS.index("left_hip")
    np.testing.assert_array_equal(truth.xyz[0, 1, hip], xyz[2, 1, BLAZEPOSE_33.names.index("left_hip")])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("absent.npz", None, "no truth file at"),
        ("broken.npz", b"PK\x03\x04 no", "is not a truth file"),
        ("text.npz", b"hello", "is not a truth file"),
        ("broken.trc", b"PathFileType\t4\n", "is not a TRC file"),
    ],
)
def test_an_unusable_truth_file_is_one_sentence(tmp_path, name, content, says):
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TruthError, match=says):
        load_truth(file)


def test_a_truth_file_without_limbs_is_refused(tmp_path):
    file = tmp_path / "truth.npz"
    np.savez(file, xyz=np.zeros((2, 1, 1, 3)), joints=np.array(["nose"]), fps=30.0)
    with pytest.raises(TruthError, match="lacks most limb joints"):
        load_truth(file)
    np.savez(file, xyz=np.zeros((2, 1, 3)), joints=np.array(["nose"]), fps=30.0)
    with pytest.raises(TruthError, match=r"xyz is \(2, 1, 3\)"):
        load_truth(file)
