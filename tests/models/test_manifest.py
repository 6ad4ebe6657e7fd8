from importlib import resources

import msgspec
import pytest

from posecap.models.errors import ModelError
from posecap.models.joints import JOINT_SETS
from posecap.models.manifest import Manifest, manifest, preset

TEXT = resources.files("posecap.models").joinpath("weights.toml").read_text()


def test_presets_name_files_archives_and_joints_that_exist() -> None:
    book = manifest()
    for name, entry in book.presets.items():
        assert entry.files, name
        for key in entry.files:
            assert book.files[key].archive in book.archives
        assert (entry.joints in JOINT_SETS) == (entry.role == "pose"), name


def test_everything_a_registry_serves_can_be_checked() -> None:
    book = manifest()
    for key, file in book.files.items():
        archive = book.archives[file.archive]
        if archive.registry != "manual":
            assert len(file.sha256) == 64, key
            assert file.bytes > 0, key
            assert len(archive.sha256) == 64, key
        assert archive.licence, key


def test_unknown_field_is_refused_with_its_path() -> None:
    typo = TEXT.replace("[presets.blazepose-full]", "[presets.blazepose-full]\nbatchible = true", 1)
    with pytest.raises(msgspec.ValidationError, match=r"unknown field `batchible` - at `\$\.presets"):
        msgspec.toml.decode(typo, type=Manifest)


def test_unknown_preset_lists_those_there_are() -> None:
    with pytest.raises(ModelError, match="no model 'blazepose', there are blazepose-lite, blazepose-full"):
        preset("blazepose")
