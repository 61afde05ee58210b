// The page: what is wished (style, mix, look), the controls that change it, and what is said.

import { Carousel } from "./carousel.js";
import { Recorder, snapshot } from "./keep.js";
import { inSize } from "./network.js";
import { Painter } from "./painter.js";
import { Screen } from "./screen.js";
import { openCamera, openFile, Refusal } from "./source.js";
import { fill, WORDS } from "./words.js";

// For measuring and for looking at a trouble: ?size=640x360 paints at that size, ?threads=1, ?accelerator=wasm,
// ?network=small.
const given = new URLSearchParams(location.search);
const [fixedWidth, fixedHeight] = (given.get("size") ?? "").split("x").map(Number);
const fixed = fixedHeight ? { width: fixedWidth, height: fixedHeight } : null;
const wished = {
  threads: given.has("threads") ? Number(given.get("threads")) : null,
  accelerator: given.get("accelerator"),
  network: given.get("network"),
};

const KEYS = { " ": "pause", i: "snapshot", r: "record", f: "full", c: "keep", x: "other" };
const STEPS = { "+": ["strength", 10], "=": ["strength", 10], "-": ["strength", -10], "]": ["blend", 10], "[": ["blend", -10] };

const at = (id) => document.getElementById(id);
const recorder = new Recorder();
let catalogue, painter, screen, carousel;
let style = "";
let facing = "user";
let shown = null; // of the last frame: its size and what painted it
let resting = false; // the camera is off because the page is hidden

fill(document);
begin().catch((error) => {
  say(error instanceof Refusal ? error.name : "unloaded", true);
  if (!(error instanceof Refusal)) console.warn(error);
});

async function begin() {
  at("outdated").hidden = true;
  say("loading");
  if (!capable()) throw new Refusal("old");
  await settle();
  try {
    screen = new Screen(at("canvas"));
  } catch {
    throw new Refusal("old");
  }
  painter = new Painter(screen, fixed);
  painter.onshown = (figures) => (shown = figures);
  painter.onfailed = (error) => {
    console.warn(error);
    stop("broken");
  };
  const listed = await (await fetch("styles.json")).json();
  catalogue = inSize(listed, wished.network);
  carousel = new Carousel(at("styles"), catalogue.styles, choose);
  at("second").onchange = wish;
  choose(catalogue.styles[0].name);
  listen();
  catalogue = inSize(listed, (await painter.start(listed, wished)).size);
  choose(style); // with what mixes in this size
  carousel.follow(painter);
  setInterval(figures, 500);
  for (const id of ["camera", "pick"]) at(id).disabled = false;
  say(isSecureContext ? "ready" : "insecure", !isSecureContext);
  document.body.dataset.state = "ready";
}

function capable() {
  const simd = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
  return self.OffscreenCanvas && self.DecompressionStream && WebAssembly.validate(new Uint8Array(simd));
}

// The service worker keeps the page for times without a network, and sends the headers that threads need where the
// host does not: then the page begins anew, once.
async function settle() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  try {
    await workers.register("sw.js");
    const controlled = new Promise((then) => (workers.controller ? then() : (workers.oncontrollerchange = then)));
    await Promise.race([controlled, new Promise((then) => setTimeout(then, 4000))]);
  } catch {
    return; // private windows have none
  }
  if (!crossOriginIsolated && workers.controller && !sessionStorage.begunAnew) {
    sessionStorage.begunAnew = "yes";
    location.reload();
    await new Promise(() => {});
  }
}

// Sources -----------------------------------------------------------------------------------------------------------

async function useCamera() {
  say("opening");
  if (painter.source?.kind === "camera") painter.run(null); // most phones open one at a time
  await use(() => openCamera(facing));
  painter.source?.ended(() => stop("lostCamera"));
  const devices = await navigator.mediaDevices?.enumerateDevices().catch(() => []);
  at("other").hidden = (devices ?? []).filter(({ kind }) => kind === "videoinput").length < 2;
}

async function use(open) {
  let source;
  try {
    source = await open();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return painter.source ? say(error.name, true) : stop(error.name);
  }
  pause(false);
  painter.run(source);
  document.body.dataset.state = "painting";
  say("painting");
  rest();
}

function stop(reason) {
  record(false);
  painter.run(null);
  document.body.dataset.state = "ready";
  say(reason, true);
}

function rest() {
  if (document.hidden && painter.source?.kind === "camera") {
    record(false);
    painter.run(null);
    resting = true;
  } else if (!document.hidden && resting) {
    resting = false;
    useCamera();
  }
}

// Wishes ------------------------------------------------------------------------------------------------------------

function choose(name) {
  style = name;
  carousel.mark(name);
  const { layout } = catalogue.styles.find((each) => each.name === name);
  const others = catalogue.styles.filter((each) => each.layout === layout && each.name !== name);
  const before = at("second").value;
  at("second").replaceChildren(...others.map((each) => new Option(each.title, each.name)));
  if (others.some((each) => each.name === before)) at("second").value = before;
  at("mix").hidden = !others.length;
  wish();
  return name;
}

function wish() {
  const share = at("mix").hidden ? 0 : at("blend").value / 100;
  painter.shares = share ? { [style]: 1 - share, [at("second").value]: share } : { [style]: 1 };
  if (share === 1) delete painter.shares[style];
  painter.repaint();
}

function look() {
  screen.look = { strength: at("strength").value / 100, split: at("split").value / 100, keep: at("keep").checked };
  screen.draw();
  at("canvas").classList.toggle("split", screen.look.split > 0);
}

function listen() {
  at("camera").onclick = useCamera;
  at("pick").onclick = () => at("file").click();
  at("file").onchange = async () => {
    const [file] = at("file").files;
    at("file").value = "";
    if (file) await use(() => openFile(file));
  };
  at("other").onclick = () => {
    facing = facing === "user" ? "environment" : "user";
    useCamera();
  };
  for (const id of ["blend", "strength", "split"]) {
    at(id).oninput = () => {
      document.querySelector(`output[for="${id}"]`).value = `${at(id).value} %`;
      (id === "blend" ? wish : look)();
    };
    at(id).oninput();
  }
  at("keep").onchange = look;
  at("pause").onclick = () => pause(!painter.paused);
  at("snapshot").onclick = async () => {
    await snapshot(at("canvas"));
    say("saved");
  };
  at("record").hidden = at("sound").parentElement.hidden = !self.MediaRecorder;
  at("record").onclick = () => record(!recorder.running);
  at("full").hidden = !document.fullscreenEnabled;
  at("full").onclick = () => (document.fullscreenElement ? document.exitFullscreen() : at("stage").requestFullscreen());
  at("canvas").onpointerdown = drag;
  at("canvas").onpointermove = (event) => event.buttons && drag(event);
  document.addEventListener("visibilitychange", rest);
  document.onkeydown = press;
}

function drag(event) {
  if (!screen.look.split) return;
  event.preventDefault();
  at("canvas").setPointerCapture(event.pointerId);
  set("split", Math.min(99, Math.max(1, 100 * screen.across(event.clientX))));
}

function set(id, value) {
  at(id).value = value;
  at(id).oninput();
}

function press(event) {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, select")) return;
  if (key === " " && target.matches("button")) return;
  if (STEPS[key]) set(STEPS[key][0], Number(at(STEPS[key][0]).value) + STEPS[key][1]);
  else if (key === "ArrowRight" || key === "ArrowLeft") choose(carousel.beside(style, key === "ArrowRight" ? 1 : -1));
  else if (key === "s") set("split", screen.look.split ? 0 : 50);
  else if (KEYS[key] && !at(KEYS[key]).hidden) at(KEYS[key]).click();
  else return;
  event.preventDefault();
}

function pause(held) {
  painter.paused = held;
  at("pause").setAttribute("aria-pressed", held);
  painter.repaint();
  if (painter.source) say(held ? "paused" : "painting");
}

async function record(wanted) {
  if (wanted === recorder.running) return;
  if (wanted) {
    try {
      await recorder.start(at("canvas"), at("sound").checked);
    } catch (error) {
      return say(error instanceof Refusal ? error.name : "noRecording", true);
    }
  } else {
    recorder.stop();
  }
  at("record").setAttribute("aria-pressed", wanted);
  say(wanted ? "recording" : "recorded");
}

// What is said ------------------------------------------------------------------------------------------------------

function say(word, wrong = false) {
  at("said").textContent = WORDS[word];
  at("said").classList.toggle("wrong", wrong);
}

function figures() {
  if (!shown) return;
  const { size } = catalogue.styles.find(({ name }) => name === style);
  const runtime = WORDS[shown.accelerator](painter.chosen.threads);
  at("figures").textContent = WORDS.figures(painter.meter.rate, painter.meter.milliseconds, shown, WORDS[size] + runtime);
}
