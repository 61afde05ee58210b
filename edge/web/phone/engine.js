// LiteRT at work: a picture and shares of styles in, the painting out.  Runs in the worker.

import { getWebGpuDevice, loadAndCompile, loadLiteRt, supportsFeature, Tensor } from "./vendor/litert.js";
import { inSize, networkFile, unpacked } from "./network.js";
import { fastEnough } from "./pace.js";

const MOST_NETWORKS = 12; // that are kept ready, most of them for thumbnails
const MULTIPLE = 8; // of a network's sides
const TRIAL = 256; // side of the picture by which runtimes are compared
const TRIAL_TIME = 250; // milliseconds for each of two runtimes

const ready = new Map(); // key -> network, the longest unused first
let catalogue = null;
let accelerator = "wasm";
let threads = 1;

// Load the runtime and choose what computes, and which size of networks; `wished` may fix it: {threads, accelerator,
// network}.
export async function start({ styles, wished }) {
  await load(wished.threads);
  const [first] = styles.styles;
  const shares = { [first.name]: 1 };
  let size = wished.network ?? "base";
  catalogue = inSize(styles, size);
  let milliseconds = await measured("wasm", shares);
  if (wished.accelerator !== "wasm" && (await hasGpu(wished.accelerator === "webgpu"))) {
    const other = await measured("webgpu", shares).catch(() => Infinity);
    if (other < milliseconds || (wished.accelerator === "webgpu" && other < Infinity)) {
      accelerator = "webgpu";
      milliseconds = other;
      getWebGpuDevice().lost.then(() => (accelerator = "wasm"));
    }
  }
  const pixels = TRIAL * TRIAL;
  if (!wished.network && first.networks.small && !fastEnough(pixels, milliseconds)) {
    forget(); // small networks have the same names
    catalogue = inSize(styles, (size = "small"));
    milliseconds = await measured(accelerator, shares);
  }
  forget();
  return { accelerator, threads, size, pixels, milliseconds };
}

// Paint a bitmap.  `rgb`, the painting, and `small`, what was painted, have the network's own size, and the pictures lie
// inside at (margin, margin).
export async function paint({ bitmap, shares }) {
  const started = performance.now();
  const margin = catalogue.styles.find(({ name }) => shares[name]).margin;
  const picture = framed(bitmap, margin);
  bitmap.close();
  let rgb;
  try {
    rgb = await run(await network(shares, picture, accelerator), picture);
  } catch (error) {
    if (accelerator !== "webgpu") throw error;
    accelerator = "wasm";
    rgb = await run(await network(shares, picture, accelerator), picture);
  }
  return { rgb, small: picture.rgb, stride: picture.width, margin, accelerator, milliseconds: performance.now() - started };
}

async function load(wished) {
  const most = wished ?? Math.min(4, navigator.hardwareConcurrency || 1);
  // The threaded build needs headers (see sw.js) and relaxed SIMD, which not every browser has.
  if (self.crossOriginIsolated && most > 0 && (await supportsFeature("relaxedSimd"))) {
    try {
      await prepare("threaded");
      await loadLiteRt("vendor/", { threads: true });
      threads = most;
      return;
    } catch (error) {
      console.warn(error);
    }
  }
  await prepare("compat");
  await loadLiteRt("vendor/litert_wasm_compat_internal.js");
}

// Leave to LiteRT's loader a module that is compiled already.
async function prepare(kind) {
  const path = `vendor/litert_wasm_${kind}_internal`;
  const module = await WebAssembly.compileStreaming(unpacked(`${path}.wasm.gz`, "application/wasm"));
  const quiet = () => {}; // it tells on the console how it starts
  self.Module = {
    print: quiet,
    printErr: quiet,
    mainScriptUrlOrBlob: new URL(`${path}.js`, self.location.href).href,
    instantiateWasm(imports, done) {
      WebAssembly.instantiate(module, imports).then((instance) => done(instance, module));
      return {};
    },
  };
}

async function hasGpu(software) {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && (software || !(adapter.isFallbackAdapter || adapter.info?.isFallbackAdapter));
}

// Median milliseconds of a picture with the runtime.
async function measured(runtime, shares) {
  const picture = { width: TRIAL, height: TRIAL, rgb: new Uint8Array(3 * TRIAL * TRIAL).fill(128) };
  const painter = await network(shares, picture, runtime);
  await run(painter, picture);
  const times = [];
  for (const end = performance.now() + TRIAL_TIME; performance.now() < end && times.length < 20; ) {
    const before = performance.now();
    await run(painter, picture);
    times.push(performance.now() - before);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}

async function network(shares, { width, height }, runtime) {
  const key = JSON.stringify([runtime, width, height, shares]);
  let model = ready.get(key);
  ready.delete(key);
  if (!model) {
    const file = await networkFile(catalogue, shares, { width, height, floats: runtime === "webgpu" });
    model = await loadAndCompile(file, { accelerator: runtime, cpuOptions: { numThreads: threads } });
  }
  ready.set(key, model);
  for (const [oldest, unused] of ready) {
    if (ready.size <= MOST_NETWORKS) break;
    unused.delete();
    ready.delete(oldest);
  }
  return model;
}

function forget() {
  for (const model of ready.values()) model.delete();
  ready.clear();
}

// Bytes for WebAssembly, floats for WebGPU, where LiteRT gets bytes wrong.
async function run(model, { width, height, rgb }) {
  const floats = model.options.accelerator === "webgpu";
  const input = new Tensor(floats ? Float32Array.from(rgb, (level) => level / 255) : rgb, [1, height, width, 3]);
  let output = null;
  try {
    output = (await model.run(floats ? "stylize" : "stylize_u8", { frame: input })).stylized;
    const values = await output.data();
    return floats ? Uint8ClampedArray.from(values, (value) => 255 * value) : values;
  } finally {
    output?.delete();
    input.delete();
  }
}

// A bitmap as RGB bytes with its edge repeated on all sides, at least `margin` pixels, up to multiples of 8.
let sheet = null;
function framed(bitmap, margin) {
  const upTo = (side) => Math.ceil((side + 2 * margin) / MULTIPLE) * MULTIPLE;
  const [width, height] = [upTo(bitmap.width), upTo(bitmap.height)];
  sheet ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  if (sheet.canvas.width < bitmap.width) sheet.canvas.width = bitmap.width;
  if (sheet.canvas.height < bitmap.height) sheet.canvas.height = bitmap.height;
  sheet.drawImage(bitmap, 0, 0);
  const { data } = sheet.getImageData(0, 0, bitmap.width, bitmap.height);
  const rgb = new Uint8Array(3 * width * height);
  const columns = Int32Array.from({ length: width }, (_, x) => 4 * clamp(x - margin, bitmap.width));
  for (let y = 0, to = 0; y < height; y++) {
    const row = 4 * bitmap.width * clamp(y - margin, bitmap.height);
    for (let x = 0; x < width; x++) {
      const from = row + columns[x];
      rgb[to++] = data[from];
      rgb[to++] = data[from + 1];
      rgb[to++] = data[from + 2];
    }
  }
  return { width, height, rgb };
}

function clamp(place, length) {
  return Math.min(Math.max(place, 0), length - 1);
}
