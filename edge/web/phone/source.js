// Where frames come from: a camera, a picture or a video file, each as an element that can be drawn.

const WISHED = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const LONGEST = 1280; // pixels of a picture's or a video's longer side

// An error whose name is one of the sentences in words.js.
export class Refusal extends Error {
  constructor(name) {
    super(name);
    this.name = name;
  }
}

const REFUSED = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "noCamera",
  OverconstrainedError: "noCamera",
  NotReadableError: "busyCamera",
  AbortError: "busyCamera",
};

export async function openCamera(facing) {
  if (!isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new Refusal("insecure");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { ...WISHED, facingMode: facing } });
  } catch (error) {
    throw new Refusal(REFUSED[error.name] ?? "noCamera");
  }
  const video = player();
  video.srcObject = stream;
  const [track] = stream.getVideoTracks();
  await video.play();
  return new Source("camera", video, {
    mirror: track.getSettings().facingMode === "user",
    close: () => stream.getTracks().forEach((each) => each.stop()),
    ended: (then) => track.addEventListener("ended", then),
  });
}

export async function openFile(file) {
  const address = URL.createObjectURL(file);
  const close = () => URL.revokeObjectURL(address);
  try {
    if (!file.type.startsWith("video/")) {
      const image = new Image();
      image.src = address;
      await image.decode();
      return new Source("picture", image, { close });
    }
    const video = Object.assign(player(), { loop: true, src: address });
    await video.play();
    return new Source("video", video, { close });
  } catch {
    close();
    throw new Refusal("unreadable");
  }
}

function player() {
  return Object.assign(document.createElement("video"), { playsInline: true, muted: true });
}

class Source {
  #close;
  closed = false;

  constructor(kind, element, { mirror = false, close, ended = () => {} }) {
    Object.assign(this, { kind, element, mirror, ended });
    this.#close = close;
  }

  // When there is a frame that was not there before; a picture is there once, and `changed` has it again.
  fresh(changed) {
    if (this.kind === "picture") return changed;
    if (!this.element.requestVideoFrameCallback) return new Promise(requestAnimationFrame);
    return new Promise((then) => this.element.requestVideoFrameCallback(then));
  }

  // Draw the frame that is shown now on a sheet, which takes its size.
  draw(sheet) {
    const element = this.element;
    const size = [element.videoWidth ?? element.naturalWidth, element.videoHeight ?? element.naturalHeight];
    const scale = Math.min(1, LONGEST / Math.max(...size));
    const [width, height] = size.map((side) => Math.round(scale * side));
    const { canvas } = sheet;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    Object.assign(sheet, { fillStyle: "white", imageSmoothingQuality: "medium" }); // white: of a transparent picture
    if (this.kind === "picture") sheet.fillRect(0, 0, width, height);
    sheet.drawImage(element, 0, 0, width, height);
  }

  close() {
    this.closed = true;
    this.element.pause?.();
    this.#close();
  }
}
