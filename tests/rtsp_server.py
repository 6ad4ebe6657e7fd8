"""A real RTSP server for the tests: GStreamer's, run by the system's Python as `rtsp_server.py PORT`.

It serves /ball, H.264 of GStreamer's moving ball at 25 pictures a second, and /other of another size. It
needs the packages (Debian) gstreamer1.0-rtsp gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good
gstreamer1.0-plugins-ugly gstreamer1.0-plugins-bad.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def main(port: str) -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    for path, size in (("/ball", "width=320,height=240"), ("/other", "width=160,height=120")):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(
            f"( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,{size},framerate=25/1 "
            "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 threads=1 "
            "! rtph264pay name=pay0 pt=96 config-interval=1 )"
        )
        factory.set_shared(True)
        server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(sys.argv[1])
