// What can be taken along: a snapshot, and a recording of what the canvas shows, on request with the microphone.

import { Refusal } from "./source.js";

const KINDS = ["video/mp4;codecs=avc1", "video/mp4", "video/webm;codecs=vp9", "video/webm"];

export function snapshot(canvas) {
  return new Promise((then) => {
    canvas.toBlob((blob) => {
      save(blob, "png");
      then();
    }, "image/png");
  });
}

export class Recorder {
  #recorder = null;
  #stream = null;

  get running() {
    return this.#recorder !== null;
  }

  // Resolves once it records; the file is saved when it is stopped.
  async start(canvas, sound) {
    const voice = sound ? await heard() : [];
    const stream = new MediaStream([...canvas.captureStream(30).getVideoTracks(), ...voice]);
    this.#stream = stream;
    try {
      const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
      const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 6e6 });
      const pieces = [];
      recorder.ondataavailable = ({ data }) => pieces.push(data);
      recorder.onstop = () => save(new Blob(pieces, { type: mimeType }), mimeType?.includes("mp4") ? "mp4" : "webm");
      recorder.start(1000);
      this.#recorder = recorder;
    } catch (error) {
      this.stop(); // the microphone is off again
      throw error;
    }
  }

  stop() {
    this.#recorder?.stop();
    this.#stream?.getTracks().forEach((track) => track.stop());
    [this.#recorder, this.#stream] = [null, null];
  }
}

async function heard() {
  try {
    return (await navigator.mediaDevices.getUserMedia({ audio: true })).getAudioTracks();
  } catch {
    throw new Refusal("noSound");
  }
}

function save(blob, ending) {
  const moment = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(blob),
    download: `painted-${moment}.${ending}`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
