// The size at which to paint, so that frames come 24 a second; larger where there is time for it.

const BUDGET = 1000 / 24; // milliseconds for a frame
const SHORT = [112, 144, 176, 208, 240, 288, 352, 416, 480, 544, 624, 720]; // the shorter side, in pixels
const ENOUGH = 240; // what base must reach of these, or small networks paint
const FRAMES = 12; // that are looked at together

// Whether a device paints well above ENOUGH with a network that takes so many milliseconds for so many pixels.
export function fastEnough(pixels, milliseconds) {
  return affordable(pixels, milliseconds) >= area(ENOUGH);
}

function affordable(pixels, milliseconds) {
  return (0.6 * BUDGET * pixels) / milliseconds;
}

function area(short) {
  return (short * short * 16) / 9;
}

export class Pace {
  #rung = 3;
  #times = [];
  #patience = 4000; // milliseconds before a larger size is tried again, doubled when it was too much
  #notBefore = 0;
  #climbed = false;

  // `fixed` is {width, height} where the size is not to be chosen.
  constructor(fixed = null) {
    this.fixed = fixed;
  }

  // Begin with what the measurement promises: so many milliseconds for so many pixels.
  begin(pixels, milliseconds) {
    const most = affordable(pixels, milliseconds);
    this.#rung = Math.max(0, SHORT.findLastIndex((short) => area(short) <= most));
  }

  // What to paint a frame of a size at.
  size(width, height, still = false) {
    if (this.fixed && !still) return this.fixed;
    const short = still ? SHORT.at(-1) : SHORT[this.#rung];
    const scale = short / Math.min(width, height);
    if (scale >= 1) return { width, height };
    return { width: 8 * Math.round((width * scale) / 8), height: 8 * Math.round((height * scale) / 8) };
  }

  // A frame took so long from its capture to its show, `network` of it where size counts.  What is left is not made up
  // for by tiny paintings: the network may always have a third.
  observe(milliseconds, network, now, frame) {
    if (this.fixed || this.#times.push([milliseconds, network]) < FRAMES) return;
    const [whole, part] = [0, 1].map((which) => this.#times.map((pair) => pair[which]).sort((a, b) => a - b)[FRAMES >> 1]);
    this.#times = [];
    const allowed = Math.max(BUDGET - (whole - part), BUDGET / 3);
    const cost = (rung) => part * (SHORT[rung] / SHORT[this.#rung]) ** 2;
    let rung = this.#rung;
    if (part > allowed) {
      while (rung > 0 && cost(rung) > 0.85 * allowed) rung--;
      if (this.#climbed) this.#patience = Math.min(60000, 2 * this.#patience);
      this.#notBefore = now + this.#patience;
    } else if (rung + 1 < SHORT.length && cost(rung + 1) < 0.75 * allowed && now > this.#notBefore) {
      if (SHORT[rung] < Math.min(frame.width, frame.height)) rung++;
    }
    this.#climbed = rung > this.#rung;
    this.#rung = rung;
  }
}

// Frames a second and milliseconds, over the last second and a half.
export class Meter {
  #shown = [];

  count(now, milliseconds) {
    this.#shown = [...this.#shown.filter(([moment]) => now - moment < 1500), [now, milliseconds]];
  }

  get rate() {
    const span = this.#shown.length > 1 ? this.#shown.at(-1)[0] - this.#shown[0][0] : 0;
    return span ? (1000 * (this.#shown.length - 1)) / span : 0;
  }

  get milliseconds() {
    return this.#shown.reduce((sum, [, time]) => sum + time, 0) / (this.#shown.length || 1);
  }
}
