// Copies what the page needs of the locked npm packages into vendor/, or with --check compares it with what is there.
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";

const core = "node_modules/@litertjs/core";
const text = (path) => readFileSync(new URL(path, import.meta.url), "utf-8");

// The two packages in one module: what is imported of the smaller one is put where it is imported.
function joined() {
  const plain = (source) => source.replace(/^\/\/# sourceMappingURL=.*\n?/gm, "");
  const utilities = plain(text("node_modules/@litertjs/wasm-utils/dist/index.js")).replace(/export \{[^}]*\};/, "");
  const library = plain(text(`${core}/dist/index.js`));
  const place = /^import \{ createWasmLib \} from "@litertjs\/wasm-utils";$/m;
  if (!place.test(library)) throw new Error("@litertjs/core imports something else than before; look at its index.js.");
  const { version } = JSON.parse(text(`${core}/package.json`));
  return `// @litertjs/core and @litertjs/wasm-utils ${version}, Apache-2.0, see LICENSE.\n${library.replace(place, () => utilities)}`;
}

const files = { "litert.js": Buffer.from(joined()) };
for (const kind of ["threaded", "compat"]) {
  const name = `litert_wasm_${kind}_internal`;
  files[`${name}.js`] = readFileSync(new URL(`${core}/wasm/${name}.js`, import.meta.url));
  files[`${name}.wasm.gz`] = readFileSync(new URL(`${core}/wasm/${name}.wasm`, import.meta.url));
}

for (const [name, content] of Object.entries(files)) {
  const path = new URL(`vendor/${name}`, import.meta.url);
  const packed = name.endsWith(".gz");
  if (!process.argv.includes("--check")) {
    writeFileSync(path, packed ? gzipSync(content, { level: 9 }) : content);
    continue;
  }
  const there = readFileSync(path);
  if (content.compare(packed ? gunzipSync(there) : there)) throw new Error(`vendor/${name} is not what the packages hold.`);
  console.log(`vendor/${name} is what the locked packages hold.`);
}
