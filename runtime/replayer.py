"""Recorded frame sets through the pipeline, in the order in which the live runtime processed them."""

from collections.abc import Iterable, Iterator

from posecap.runtime.pipeline import Looking, Pipeline
from posecap.runtime.pose import StepResult
from posecap.runtime.recorded_sets import RecordedSet


class Replayer:
    """The same stages as live: `Pipeline.look`, `lift`, `refine`.

    The live runtime sometimes looked at a frame set before the one before it was lifted (`FrameSetRecord.ahead`), threw
    away what it saw in pictures that were overwritten meanwhile (`torn`), and began with nobody where it was started
    again: all three decide where is looked next and are repeated here. The answers depend on nothing else: two replays
    are bit-identical.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def steps(self, recorded: Iterable[RecordedSet]) -> Iterator[tuple[RecordedSet, StepResult]]:
        """Every frame set with what became of it, without those that were torn."""
        waiting: tuple[RecordedSet, Looking] | None = None
        session: str | None = None
        for one in recorded:
            another = session is not None and one.record.session != session
            if waiting is not None and (another or not one.record.ahead):
                yield from self._finished(*waiting)
                waiting = None
            if another:
                self.pipeline = self.pipeline.anew()
            session = one.record.session
            looking = self.pipeline.look(one.frame_set, one.record.left_out)
            if waiting is not None:
                yield from self._finished(*waiting)
            waiting = one, looking
        if waiting is not None:
            yield from self._finished(*waiting)

    def _finished(self, recorded: RecordedSet, looking: Looking) -> Iterator[tuple[RecordedSet, StepResult]]:
        seen = self.pipeline.see(looking)
        if not recorded.record.torn:
            yield recorded, self.pipeline.refine(self.pipeline.lift(seen))
