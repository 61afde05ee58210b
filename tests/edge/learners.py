"""A trainer that only pretends: writes what `python -m training.fit` writes, in seconds and without TensorFlow."""

from __future__ import annotations

SCRIPT = """
import json, os, pathlib, shutil, signal, sys, time
from keras_vst import zoo
from keras_vst.zoo import own
told = sys.argv[1:]
run = pathlib.Path(told[told.index("--run") + 1])
mode = os.environ.get("PRETEND", "finish")
style = zoo.find_style(os.environ.get("PRETEND_STYLE", "scream"))
run.mkdir(exist_ok=True)
(run / "told.json").write_text(json.dumps(told))
if "--resume" not in told:
    (run / "config.json").write_text("{}")
def stopped(*_):
    (run / "checkpoint").write_text("saved")
    sys.exit(130)
signal.signal(signal.SIGTERM, stopped)
if mode == "crash":
    print("Traceback", file=sys.stderr)
    print("training.fit: VGG16 cannot be fetched; give --vgg16 FILE.", file=sys.stderr)
    sys.exit(2)
part = run / "part"
shutil.copyfile(style.path, part)
os.replace(part, run / "now.tflite")
(run / "ready").touch()
while mode == "wait":
    time.sleep(0.05)
card = {**style.card, "name": run.name}
(run / "card.json").write_text(json.dumps(card))
for entry in card["files"].values():
    shutil.copyfile(style.path.parent / entry["file"], run / entry["file"])
own.install(run)
(run / "config.json").write_text(json.dumps({"finished": True}))
"""
PRETENDER = ("-c", SCRIPT)
