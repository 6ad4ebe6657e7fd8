"""The window: Open3D's legacy Visualizer with three geometries that are added once and then changed in place.

The lines of the floor, one mesh for all that moves or faces the eye, and a textured square right in front of
the eye that carries the panel. Adding and removing geometry for each picture costs more, and crashed Open3D
0.19 after 65,000 of them; `set_geometry_transform` and labels exist only in the newer renderer, which needs
Vulkan and loses 1 MB of memory a picture.

The Visualizer draws at the start of `poll_events` and moves the eye at its end, so a loop that polls, looks
where the eye is, changes the geometry and asks for a redraw never shows the panel displaced. The Visualizer
cannot change the window's title: what changes is written on the panel.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np
import open3d as o3d
from numpy.typing import NDArray

from posecap.launch.view_errors import WindowError
from posecap.launch.view_eye import FIELD_OF_VIEW_DEG, Eye, Framing
from posecap.launch.view_room import BACKGROUND, floor_lines
from posecap.launch.view_shapes import Shapes

_NEAR_M, _FAR_M = 0.1, 400.0
_PANEL_M = 0.2  # distance of the panel from the eye
_OPEN3D_FIELD_OF_VIEW_DEG, _STEP_DEG = 60.0, 5.0
_NOTHING = Shapes(np.zeros((3, 3)), np.zeros((3, 3)), np.array([(0, 1, 2)]))


class Window:
    """Where the scene is drawn.

    Args:
        title: of the window.
        size_px: (width, height).
        view: floor and default view.

    Raises:
        WindowError: Open3D could not open one.
    """

    def __init__(self, title: str, size_px: tuple[int, int], view: Framing) -> None:
        o3d.utility.set_verbosity_level(o3d.utility.VerbosityLevel.Error)
        self._visualizer = o3d.visualization.VisualizerWithKeyCallback()
        if not self._visualizer.create_window(title, *size_px, left=0, top=0):
            raise WindowError(
                "no window could be opened: install libgl1 and libegl1, or use `--viewer terminal`"
            )
        options = self._visualizer.get_render_option()
        options.background_color = BACKGROUND
        options.mesh_show_back_face = True
        options.mesh_shade_option = o3d.visualization.MeshShadeOption.Color
        options.mesh_color_option = o3d.visualization.MeshColorOption.Color
        self._control = self._visualizer.get_view_control()
        self._moving = _mesh(_NOTHING)
        self._panel = _panel_mesh()
        points, lines, colours = floor_lines(view)
        self._lines = o3d.geometry.LineSet(_vectors(points), o3d.utility.Vector2iVector(lines))
        self._lines.colors = _vectors(colours)
        self._visualizer.add_geometry(self._lines, reset_bounding_box=True)
        self._visualizer.add_geometry(self._moving, reset_bounding_box=False)
        self._panel_shown = False
        self._extent_m = 2 * view.floor_m
        self._control.set_constant_z_near(_NEAR_M)
        self._control.set_constant_z_far(_FAR_M)
        steps = (FIELD_OF_VIEW_DEG - _OPEN3D_FIELD_OF_VIEW_DEG) / _STEP_DEG
        self._control.change_field_of_view(steps)
        self.reset_view(view)

    def on_key(self, key: str, action: Callable[[], None]) -> None:
        """Call `action` when `key` goes down."""

        def pressed(_: object) -> bool:
            action()
            return False

        self._visualizer.register_key_callback(ord(key), pressed)

    def reset_view(self, view: Framing) -> None:
        """Look as `view` says, whatever the mouse did."""
        self._view = view
        self._control.set_front(view.back)
        self._control.set_up(-view.eye((1, 1)).right_down_forward[1])  # Open3D does not make it orthogonal
        self.look_at(view.target)
        half = np.radians(self._control.get_field_of_view() / 2)
        self._control.set_zoom(view.distance_m * np.tan(half) / self._extent_m)

    def look_at(self, point: NDArray[np.float64]) -> None:
        """Move the eye, without turning it, so that `point` (3,) metres is in the middle of the picture."""
        self._control.set_lookat(point)

    @property
    def aim(self) -> NDArray[np.float64]:
        """(3,) metres: a point in the middle of the picture, as far as the target of the default view."""
        eye = self.eye
        return eye.centre + self._view.distance_m * eye.right_down_forward[2]

    @property
    def eye(self) -> Eye:
        """Where the window looks from now."""
        parameters = self._control.convert_to_pinhole_camera_parameters()
        K = parameters.intrinsic.intrinsic_matrix
        size_px = (parameters.intrinsic.width, parameters.intrinsic.height)
        return Eye(np.array(parameters.extrinsic), float(K[1, 1]), size_px)

    def show(self, shapes: Shapes) -> None:
        """Put `shapes` in the place of those shown before."""
        _fill(self._moving, shapes if len(shapes.triangles) else _NOTHING)
        self._visualizer.update_geometry(self._moving)
        self._visualizer.update_renderer()

    def show_panel(self, picture: NDArray[np.uint8] | None, eye: Eye) -> None:
        """Pin the panel to the right edge, with a new picture (height, width, 3) RGB where one is given."""
        if picture is not None:
            self._panel.textures = [o3d.geometry.Image(picture)]  # pyright: ignore[reportCallIssue, reportArgumentType]
        if not self._panel.has_textures():
            return
        height, width = np.asarray(self._panel.textures[0]).shape[:2]
        x0, x1 = eye.size_px[0] - width - 0.5, eye.size_px[0] - 0.5
        corners = np.array([(x0, -0.5), (x1, -0.5), (x1, height - 0.5), (x0, height - 0.5)])
        self._panel.vertices = _vectors(eye.lifted(corners, _PANEL_M))
        if not self._panel_shown:
            self._visualizer.add_geometry(self._panel, reset_bounding_box=False)
            self._panel_shown = True
        self._visualizer.update_geometry(self._panel)
        self._visualizer.update_renderer()

    def hide_panel(self) -> None:
        """Take the panel away, until `show_panel`."""
        if self._panel_shown:
            self._visualizer.remove_geometry(self._panel, reset_bounding_box=False)
            self._panel_shown = False

    def poll(self) -> bool:
        """Draw what was changed, then handle keys and mouse; False when the user has closed the window."""
        return bool(self._visualizer.poll_events())

    def picture(self) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB: the window as it is drawn now."""
        buffer = np.asarray(self._visualizer.capture_screen_float_buffer(do_render=True))
        return (buffer * 255 + 0.5).astype(np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._visualizer.destroy_window()


def _vectors(array: NDArray[np.float64]) -> "o3d.utility.Vector3dVector":
    return o3d.utility.Vector3dVector(np.ascontiguousarray(array, dtype=np.float64))


def _mesh(shapes: Shapes) -> "o3d.geometry.TriangleMesh":
    """Without normals: the legacy Visualizer then shows the colours as they are, unlit."""
    mesh = o3d.geometry.TriangleMesh()
    _fill(mesh, shapes)
    return mesh


def _fill(mesh: "o3d.geometry.TriangleMesh", shapes: Shapes) -> None:
    mesh.vertices = _vectors(shapes.vertices)
    mesh.vertex_colors = _vectors(shapes.colours)
    mesh.triangles = o3d.utility.Vector3iVector(np.ascontiguousarray(shapes.triangles, dtype=np.int32))


def _panel_mesh() -> "o3d.geometry.TriangleMesh":
    """A square of two triangles, corners in picture order: top left, top right, bottom right, bottom left."""
    mesh = o3d.geometry.TriangleMesh()
    triangles = np.array([(0, 1, 2), (0, 2, 3)], dtype=np.int32)
    corners = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    mesh.triangles = o3d.utility.Vector3iVector(triangles)
    mesh.triangle_uvs = o3d.utility.Vector2dVector(corners[triangles].reshape(-1, 2))
    mesh.triangle_material_ids = o3d.utility.IntVector([0, 0])
    return mesh
