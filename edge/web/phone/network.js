// The bytes of the network for shares of styles at a size: fetched once, mixed by weights, given their size.

const fetched = new Map(); // path -> promise of what was made of it

// The catalogue with one network a style: that of the size, or the only one there is.
export function inSize(catalogue, wished) {
  const styles = catalogue.styles.map((style) => {
    const size = style.networks[wished] ? wished : "base";
    return { ...style, ...style.networks[size], size };
  });
  return { ...catalogue, styles };
}

// The .tflite file for {style: share}; `floats` where bytes in and out cannot be used.
export async function networkFile(catalogue, shares, { width, height, floats }) {
  const taken = catalogue.styles.filter(({ name }) => shares[name] > 0);
  const [first] = taken;
  const file = taken.length === 1 && first.bytes && !floats
    ? (await once(first.bytes, async () => new Uint8Array(await (await get(first.bytes)).arrayBuffer()))).slice()
    : await mixed(catalogue.layouts[first.layout], taken, shares);
  resize(file, height, width);
  return file;
}

// A response whose gzip content is unpacked on the way.
export async function unpacked(path, type) {
  const packed = await get(path);
  return new Response(packed.body.pipeThrough(new DecompressionStream("gzip")), { headers: { "Content-Type": type } });
}

async function mixed(layout, taken, shares) {
  const empty = await once(layout.file, async () => (await unpacked(layout.file, "")).arrayBuffer());
  const weights = await Promise.all(taken.map(({ weights: path }) => once(path, async () => expand(await get(path)))));
  const total = taken.reduce((sum, { name }) => sum + shares[name], 0);
  const parts = taken.map(({ name }) => shares[name] / total);
  const content = empty.slice(0);
  let place = 0;
  for (const [offset, length] of layout.tensors) {
    const tensor = new Float32Array(content, offset, length / 4);
    for (let i = 0; i < tensor.length; i++, place++) {
      let sum = 0;
      for (let k = 0; k < parts.length; k++) sum += parts[k] * weights[k][place];
      tensor[i] = sum;
    }
  }
  return new Uint8Array(content);
}

function once(path, make) {
  if (!fetched.has(path)) {
    fetched.set(path, make().catch((error) => {
      fetched.delete(path); // it may be asked for again
      throw error;
    }));
  }
  return fetched.get(path);
}

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

// Half to single precision.
async function expand(response) {
  const halves = new Uint16Array(await response.arrayBuffer());
  return Float32Array.from(halves, (half) => {
    const [sign, exponent, fraction] = [half & 0x8000 ? -1 : 1, (half >> 10) & 31, half & 1023];
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  });
}

// LiteRT.js runs a file at the size that is written in it, and ours have none: it is written into the shapes of the
// inputs and outputs (FlatBuffers, TensorFlow Lite's schema), and the runtime works out those between.
const [SUBGRAPHS, TENSORS, INPUTS, OUTPUTS, SHAPE, SHAPE_SIGNATURE] = [2, 0, 1, 2, 0, 7];

function resize(file, height, width) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const follow = (place) => place + view.getUint32(place, true);
  const field = (table, number) => {
    const fields = table - view.getInt32(table, true);
    const entry = 4 + 2 * number;
    const offset = entry < view.getUint16(fields, true) ? view.getUint16(fields + entry, true) : 0;
    return offset && follow(table + offset);
  };
  const items = (vector) =>
    Array.from({ length: vector && view.getUint32(vector, true) }, (_, index) => vector + 4 + 4 * index);
  for (const subgraph of items(field(follow(0), SUBGRAPHS)).map(follow)) {
    const tensors = items(field(subgraph, TENSORS)).map(follow);
    for (const end of [INPUTS, OUTPUTS].flatMap((number) => items(field(subgraph, number)))) {
      const tensor = tensors[view.getInt32(end, true)];
      for (const shape of [SHAPE, SHAPE_SIGNATURE].map((number) => items(field(tensor, number)))) {
        if (shape.length !== 4) continue;
        view.setInt32(shape[1], height, true);
        view.setInt32(shape[2], width, true);
      }
    }
  }
}
