"""Options that several steps of `calibrate.py` share."""

from pathlib import Path
from typing import Annotated

import typer

from posecap.launch.board_option import BOARD_HELP

Cams = Annotated[
    Path | None, typer.Option(help="Rig file, or folder of a recorded session: cameras and their sources.")
]
Source = Annotated[
    list[str] | None,
    typer.Option(
        help="NAME=VIDEO, NAME=images:FOLDER:FPS, NAME=uvc:0, NAME=rtsp://... or NAME=tcp://...; once a camera.",
        show_default=False,
    ),
]
Videos = Annotated[
    Path | None,
    typer.Option(help="Folder with a video for each camera, called like it; read instead of --cams."),
]
Size = Annotated[str | None, typer.Option(help="Of live cameras without a rig file, as 1280x720.")]
Only = Annotated[
    list[str] | None, typer.Option("--camera", help="Only this camera; may be repeated.", show_default=False)
]
BoardText = Annotated[str, typer.Option("--board", help=BOARD_HELP)]
Every = Annotated[
    int | None, typer.Option(min=1, help="Look at every n-th picture of recordings; default: five a second.")
]
Duration = Annotated[
    float | None, typer.Option(help="Seconds to look at live cameras; default: until enough was seen.")
]
Tracks = Annotated[
    Path | None, typer.Option(help="Keep the joints that were found in this .npz; read them where it exists.")
]
Frames = Annotated[int, typer.Option(min=0, help="Pictures of each camera to look for people in; 0 = all.")]
Network = Annotated[
    str, typer.Option(help="Preset that finds joints.", show_default="blazepose-heavy where npm is")
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Rig file to write; default: that of --cams, else rig.yaml. The old one stays as .bak."
    ),
]
ReportPage = Annotated[Path | None, typer.Option(help="HTML page to write; default: beside --out.")]
Force = Annotated[bool, typer.Option("--force", help="Write the rig file also when it is not usable.")]
