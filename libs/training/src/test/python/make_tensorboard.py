"""Makes golden/tensorboard.hex: an event file by TensorBoard's own writer. Run with tensorboard installed."""

import pathlib
import tempfile

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

OUT = pathlib.Path(__file__).parent.parent / "resources" / "golden" / "tensorboard.hex"
TIME = 1_700_000_000.0

with tempfile.NamedTemporaryFile() as file:
    writer = RecordWriter(file)
    writer.write(Event(wall_time=TIME, file_version="brain.Event:2").SerializeToString())
    value = Summary.Value(tag="rewards/margins", simple_value=0.25)
    writer.write(Event(wall_time=TIME, step=300, summary=Summary(value=[value])).SerializeToString())
    writer.flush()
    OUT.write_text(pathlib.Path(file.name).read_bytes().hex() + "\n")
