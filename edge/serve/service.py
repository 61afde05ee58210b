"""`vst serve`: styles painted for other machines, from start to the last answer that was promised."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from edge.options import add_command, add_no_metadata, positive, threads
from edge.options import size as written_size
from edge.serve.limits import Limits
from edge.style_choice import provenance, select_parts
from keras_vst import zoo
from keras_vst.errors import ENDINGS, UserError, tell
from keras_vst.networks.base import cores
from keras_vst.zoo import Style

HOST, PORT = "127.0.0.1", 8080
MOST_FILES = 16384
TOKEN = "VST_TOKEN"  # not an option: command lines can be read by everybody on a machine
DESCRIPTION = f"""\
Serves the Open Inference Protocol v2 (REST at --port, gRPC at --grpc-port), POST /paint for JPEG in and out, live
video at /live and figures for Prometheus at /metrics.  Only this machine can come in unless --host says otherwise;
then a token is asked for: that of the variable {TOKEN}, or one that is made up and printed."""
EXAMPLES = """
examples:
  vst serve --styles scream,great-wave
  curl --data-binary @photo.jpg 'localhost:8080/paint?style=great-wave:0.7,scream:0.3' -o painted.jpg
  VST_TOKEN=... vst serve --host 0.0.0.0 --grpc-port 8081
  vst serve --saved-model build/mine/mine             a SavedModel, by TensorFlow; only one that you trust"""


def add_parser(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Declare the subcommand."""
    summary = "paint for other programs and machines: pictures, tensors, live video"
    parser = add_command(commands, parent, "serve", summary, description=DESCRIPTION, epilog=EXAMPLES)
    add, limits = parser.add_argument, Limits()
    add("--styles", metavar="NAME,...", help="what is served (default: every live style; see `vst styles`)")
    add(
        "--saved-model",
        type=Path,
        metavar="DIR",
        help="serve this one instead, with the training environment",
    )
    add("--host", default=HOST, metavar="ADDRESS", help=f"where to listen (default: {HOST})")
    add("--port", type=positive, default=PORT, metavar="N", help=f"of REST and live video (default: {PORT})")
    add("--grpc-port", type=positive, metavar="N", help="of gRPC (default: none)")
    add("--workers", type=threads, metavar="N", help="pictures painted at once (default: as many as cores)")
    add(
        "--queue",
        type=positive,
        default=limits.waiting,
        metavar="N",
        help=f"pictures that may wait; beyond, 429 is the answer (default: {limits.waiting})",
    )
    add(
        "--batch",
        type=positive,
        default=limits.together,
        metavar="N",
        help=f"pictures of one style and size that go together (default: {limits.together})",
    )
    add("--largest", type=written_size, metavar="WxH", help="pixels of a picture (default: 3840x2160)")
    add(
        "--viewers",
        type=positive,
        default=limits.viewers,
        metavar="N",
        help=f"live sessions, as far as the machine can paint them all (default: {limits.viewers})",
    )
    add_no_metadata(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM, then finish what was accepted."""
    try:
        importlib.import_module("edge.serve.serving")
        if options.grpc_port is not None:
            importlib.import_module("edge.serve.rpc")
    except ModuleNotFoundError as error:
        raise UserError(
            f"`vst serve` needs {error.name}; install it with `pip install 'keras-vst[serve]'`."
        ) from error
    return asyncio.run(_serve(options))


async def _serve(options: argparse.Namespace) -> int:
    from edge.serve.serving import Serving

    _take_more_files()
    made_by = partial(provenance, options)
    serving = Serving(*_network(options), options.workers or cores(), _limits(options), made_by)
    ending, hurry = asyncio.Event(), asyncio.Event()
    _on_signals(lambda: (hurry if ending.is_set() else ending).set())
    guard = await serving.open(options.host, options.port, options.grpc_port, os.environ.get(TOKEN, ""))
    for line in _greeting(options, guard.token, list(serving.inference.styles)):
        tell(line)
    await ending.wait()
    tell("vst: ending; what was accepted is finished, Ctrl-C again ends at once.")
    closing = asyncio.create_task(serving.close())
    await asyncio.wait({closing, asyncio.create_task(hurry.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if not closing.done() or not closing.result():
        tell("vst: ended before everything was finished.")
        os._exit(130)  # threads that are still painting would hold the process
    return 0


def _take_more_files() -> None:
    """Connections are files; the usual 1024 can be held by one who only opens them."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MOST_FILES), hard))


def _network(options: argparse.Namespace) -> tuple[dict[str, Style], Any, str]:
    """What is served, by name; what opens a mix of it; what that is called."""
    from edge.serve.workers import opener

    if options.saved_model is not None:
        if options.styles is not None:
            raise UserError("--saved-model holds one style; leave --styles out.")
        from keras_vst.networks.keras import SavedModelNetwork

        network = SavedModelNetwork(options.saved_model)
        style = Style(network.name, network.path)
        return {style.name: style}, lambda parts: network, "tensorflow_savedmodel"
    if options.styles is None:
        found = zoo.styles(quality="live")
    else:
        names = [name.strip() for name in options.styles.split(",")]
        if any(":" in name for name in names):
            raise UserError("--styles takes names; a mix is asked for with each request.")
        found = [part[0][0] for part in (select_parts(name, None) for name in names)]
    if not found:
        raise UserError("there is no style to paint in; see `vst styles`.")
    styles = {style.name: style for style in found}
    return styles, opener(styles), "keras_vst_litert"


def _limits(options: argparse.Namespace) -> Limits:
    asked = {"waiting": options.queue, "together": options.batch, "viewers": options.viewers}
    if options.largest is not None:
        asked["pixels"] = options.largest[0] * options.largest[1]
    return Limits(**asked)


def _on_signals(told: Callable[[], None]) -> None:
    for name in ENDINGS:
        with suppress(
            NotImplementedError, AttributeError, ValueError
        ):  # Windows: Ctrl-C comes as an exception
            if signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(getattr(signal, name), told)


def _greeting(options: argparse.Namespace, token: str, styles: list[str]) -> list[str]:
    host = f"[{options.host}]" if ":" in options.host else options.host
    lines = [f"vst: {', '.join(styles)} at http://{host}:{options.port}/v2"]
    if options.grpc_port is not None:
        lines.append(f"vst: gRPC at {host}:{options.grpc_port}")
    if token and not os.environ.get(TOKEN):
        lines.append(f"vst: the token is {token} (Authorization: Bearer TOKEN); {TOKEN} sets another")
    return lines
