// The loop: a frame is captured, painted in the worker and shown; the next one is the newest there is by then.

import { Meter, Pace } from "./pace.js";

export class Painter {
  #worker = new Worker("worker.js");
  #waiting = new Map(); // number of a question -> what waits for its answer
  #count = 0;
  #screen;
  #source = null;
  #wake = () => {};
  #sheet = new OffscreenCanvas(0, 0).getContext("2d", { alpha: false }); // has the newest frame
  meter = new Meter();
  paused = false;
  shares = {};
  onshown = () => {};
  onfailed = () => {};

  constructor(screen, fixed) {
    this.#screen = screen;
    this.pace = new Pace(fixed);
    this.#worker.onmessage = ({ data: { id, result, error } }) => {
      const [then, fail] = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) fail(new Error(error));
      else then(result);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      for (const [, fail] of this.#waiting.values()) fail(new Error(event.message || "worker"));
      this.#waiting.clear();
    };
  }

  // Load the runtime; what it chose.
  async start(styles, wished) {
    this.chosen = await this.#ask("start", { styles, wished });
    this.pace.begin(this.chosen.pixels, this.chosen.milliseconds);
    return this.chosen;
  }

  get source() {
    return this.#source;
  }

  // Paint this from now on, or nothing.
  run(source) {
    this.#source?.close();
    this.#source = source;
    this.#wake();
    if (source) this.#loop(source).catch((error) => this.onfailed(error));
  }

  // The wishes changed: a picture, or a frame that is held, is painted again.
  repaint() {
    this.#wake();
  }

  // The newest frame cut to a square, in another style: RGBA image data.
  async thumbnail(shares, side) {
    const frame = this.#sheet.canvas;
    if (!frame.width) return null;
    const cut = Math.min(frame.width, frame.height);
    const corner = [(frame.width - cut) >> 1, (frame.height - cut) >> 1];
    const bitmap = await createImageBitmap(frame, ...corner, cut, cut, scaled({ width: side, height: side }));
    const { rgb, stride, margin } = await this.#ask("paint", { bitmap, shares }, [bitmap]);
    const image = new ImageData(side, side);
    for (let y = 0, to = 0; y < side; y++) {
      for (let x = 0, from = 3 * ((y + margin) * stride + margin); x < side; x++, from += 3) {
        image.data[to++] = rgb[from];
        image.data[to++] = rgb[from + 1];
        image.data[to++] = rgb[from + 2];
        image.data[to++] = 255;
      }
    }
    return image;
  }

  async #loop(source) {
    let captured = false;
    let again = Promise.resolve();
    let next = source.fresh(again);
    while (source === this.#source) {
      await (this.paused ? again : Promise.race([next, again]));
      if (source !== this.#source) return;
      again = new Promise((wake) => (this.#wake = wake));
      const started = performance.now();
      if (!this.paused || !captured) source.draw(this.#sheet);
      captured = true;
      next = source.fresh(again); // one that comes while this is painted is taken at once, not the one after it
      const frame = this.#sheet.canvas;
      const still = source.kind === "picture";
      const size = this.pace.size(frame.width, frame.height, still);
      const bitmap = await createImageBitmap(frame, scaled(size));
      const painting = await this.#ask("paint", { bitmap, shares: this.shares }, [bitmap]);
      if (source !== this.#source) return;
      this.#screen.show(frame, { ...painting, ...size }, source.mirror);
      const now = performance.now();
      this.meter.count(now, painting.milliseconds);
      if (!still && !this.paused) this.pace.observe(now - started, painting.milliseconds, now, frame);
      this.onshown({ ...size, accelerator: painting.accelerator });
    }
  }

  #ask(task, given, transferred = []) {
    const id = this.#count++;
    return new Promise((then, fail) => {
      this.#waiting.set(id, [then, fail]);
      this.#worker.postMessage({ id, task, ...given }, transferred);
    });
  }
}

function scaled({ width, height }) {
  return { resizeWidth: width, resizeHeight: height, resizeQuality: "medium" };
}
