// Frame and painting laid together on a canvas by WebGL2: strength, colours, split view, and the painting's way up to
// the frame's size.  Where the painting is smaller, what the frame has more than its small version is added as strongly
// as the painting follows the frame there: the slope of a guided filter (He and Sun 2015), as in edge/upsample.py.

const VERTEX = `#version 300 es
out vec2 place;
void main() {
  place = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
  gl_Position = vec4(2.0 * place - 1.0, 0.0, 1.0);
}`;

const COMMON = `#version 300 es
precision highp float;
in vec2 place;
out vec4 colour;
uniform sampler2D frame, small, painting, slope;
float light(vec3 rgb) { return dot(rgb, vec3(0.299, 0.587, 0.114)); }
`;

// How the painting's lightness follows the frame's, in nine by nine pixels of which every other one is looked at.
const SLOPE = `${COMMON}
void main() {
  vec2 pixel = 1.0 / vec2(textureSize(painting, 0));
  float g = 0.0, l = 0.0, gg = 0.0, gl = 0.0;
  for (int y = -4; y <= 4; y += 2) {
    for (int x = -4; x <= 4; x += 2) {
      vec2 at = place + vec2(x, y) * pixel;
      float grey = light(texture(small, at).rgb), paint = light(texture(painting, at).rgb);
      g += grey; l += paint; gg += grey * grey; gl += grey * paint;
    }
  }
  g /= 25.0; l /= 25.0;
  colour = vec4(0.5 + 0.25 * (gl / 25.0 - g * l) / (gg / 25.0 - g * g + 0.0015));
}`;

const LAID = `${COMMON}
uniform float strength, split;
uniform bool guided, keep, mirror;
float follows(vec2 at) {
  vec2 reach = 2.0 / vec2(textureSize(slope, 0));
  float sum = 2.0 * texture(slope, at).r;
  for (int y = -1; y <= 1; y += 2) for (int x = -1; x <= 1; x += 2) sum += texture(slope, at + vec2(x, y) * reach).r;
  return 4.0 * (sum / 6.0 - 0.5);
}
void main() {
  vec2 at = vec2(mirror ? 1.0 - place.x : place.x, 1.0 - place.y);
  vec3 before = texture(frame, at).rgb, after = texture(painting, at).rgb;
  if (guided) after += follows(at) * (light(before) - light(texture(small, at).rgb));
  if (keep) after = before + light(after) - light(before);
  vec3 laid = place.x < split ? before : mix(before, clamp(after, 0.0, 1.0), strength);
  float line = abs(place.x - split) * float(textureSize(frame, 0).x);
  colour = vec4(split > 0.0 && line < 1.0 ? vec3(1.0) : laid, 1.0);
}`;

export class Screen {
  #gl;
  #programs;
  #textures = {};
  #shown = null; // the sizes of what is in the textures
  look = { strength: 1, split: 0, keep: false };

  constructor(canvas) {
    this.canvas = canvas;
    this.#gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.#begin());
    this.#begin();
  }

  // A frame (a bitmap of full size) and its painting {rgb, small, stride, margin, width, height}, see engine.js.
  show(frame, painting, mirror) {
    const gl = this.#gl;
    const guided = painting.width < frame.width || painting.height < frame.height;
    if (this.canvas.width !== frame.width || this.canvas.height !== frame.height) {
      Object.assign(this.canvas, { width: frame.width, height: frame.height });
    }
    this.#use("frame");
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, frame);
    const cut = { ROW_LENGTH: painting.stride, SKIP_PIXELS: painting.margin, SKIP_ROWS: painting.margin, ALIGNMENT: 1 };
    for (const [name, value] of Object.entries(cut)) gl.pixelStorei(gl[`UNPACK_${name}`], value);
    const { width, height } = painting;
    for (const [name, pixels] of [["painting", painting.rgb], ["small", painting.small]]) {
      this.#use(name);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, width, height, 0, gl.RGB, gl.UNSIGNED_BYTE, pixels);
    }
    for (const name of Object.keys(cut)) gl.pixelStorei(gl[`UNPACK_${name}`], name === "ALIGNMENT" ? 4 : 0);
    this.#shown = { width, height, guided, mirror };
    if (guided) this.#follow();
    this.draw();
  }

  // How far across the picture, from 0 to 1, a place of the window is; the canvas may have bars beside it.
  across(place) {
    const { left, width, height } = this.canvas.getBoundingClientRect();
    const shown = Math.min(width, (height * this.canvas.width) / this.canvas.height);
    return (place - left - (width - shown) / 2) / shown;
  }

  // What is there already, with the look as it is now.
  draw() {
    if (!this.#shown) return;
    const gl = this.#gl;
    const set = this.#program("laid");
    for (const name of ["guided", "mirror"]) gl.uniform1i(set[name], this.#shown[name]);
    gl.uniform1i(set.keep, this.look.keep);
    gl.uniform1f(set.strength, this.look.strength);
    gl.uniform1f(set.split, this.look.split);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  #follow() {
    const gl = this.#gl;
    const { width, height } = this.#shown;
    this.#use("slope");
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
    this.#buffer ??= gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.#textures.slope, 0);
    this.#program("slope", "painting"); // it must not be read while it is written
    gl.viewport(0, 0, width, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }
  #buffer = null;

  #begin() {
    const gl = this.#gl;
    if (!gl) throw new Error("WebGL2");
    [this.#textures, this.#buffer, this.#shown] = [{}, null, null];
    this.#programs = { slope: linked(gl, SLOPE), laid: linked(gl, LAID) };
    gl.bindVertexArray(gl.createVertexArray());
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  }

  #use(name) {
    const gl = this.#gl;
    this.#textures[name] ??= gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.#textures[name]);
    for (const way of ["MIN", "MAG"]) gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${way}_FILTER`], gl.LINEAR);
    for (const side of ["S", "T"]) gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_WRAP_${side}`], gl.CLAMP_TO_EDGE);
  }

  #program(name, slope = "slope") {
    const gl = this.#gl;
    const { program, places } = this.#programs[name];
    gl.useProgram(program);
    ["frame", "small", "painting", "slope"].forEach((sampler, unit) => {
      const texture = sampler === "slope" ? this.#textures[slope] ?? this.#textures.painting : this.#textures[sampler];
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.uniform1i(places[sampler], unit);
    });
    return places;
  }
}

function linked(gl, fragment) {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error("WebGL2");
  const count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) ?? 0;
  const names = Array.from({ length: count }, (_, index) => gl.getActiveUniform(program, index).name);
  return { program, places: Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(program, name)])) };
}
