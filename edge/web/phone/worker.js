// The thread in which networks run.  A classic worker, because LiteRT loads its WebAssembly with importScripts.
"use strict";

const engine = import("./engine.js");
let turn = engine; // one task after another

onmessage = ({ data }) => {
  turn = turn.then(() => answer(data));
};

async function answer({ id, task, ...given }) {
  try {
    const result = await (await engine)[task](given);
    postMessage({ id, result }, result.rgb ? [result.rgb.buffer, result.small.buffer] : []);
  } catch (error) {
    postMessage({ id, error: String(error?.message ?? error) });
  }
}
