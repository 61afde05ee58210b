// The page's two halves: pictures in (WebSocket or WebRTC), controls out.  The server's status is the truth: every
// change is sent, and what comes back moves the sliders here and on every other page that is open.
"use strict";

const ROOM = 3; // frames that may be on their way; enough for 30 a second over a line of 100 ms
const AGAIN = [250, 500, 1000, 2000, 4000]; // milliseconds before one attempt to connect and the next
const SWITCHES = ["freeze", "split", "record"];
const SLIDERS = ["blend", "strength", "detail"];
const NAMES = { fps: "frames a second", latency_ms: "delay, ms", size: "painted at", dropped: "dropped" };
const KEYS = { " ": "freeze", s: "split", i: "snapshot", r: "record", f: "full", c: "keep_color" };
const ORDERS = {
  n: { step: 1 },
  p: { step: -1 },
  "]": { more_blend: 10 },
  "[": { more_blend: -10 },
  "+": { more_strength: 10 },
  "=": { more_strength: 10 },
  "-": { more_strength: -10 },
  ".": { more_detail: 10 },
  ",": { more_detail: -10 },
  h: { toggle: "hud" },
  ArrowRight: { step: 1 },
  ArrowLeft: { step: -1 },
};

const at = (id) => document.getElementById(id);
const picture = at("picture").getContext("2d", { alpha: false });

let socket = null;
let peer = null;
let attempts = 0;
let ended = false;
let status = null; // what the controls last said
let shown = []; // when the last frames were drawn, milliseconds

function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`);
  socket.binaryType = "blob";
  socket.onopen = () => {
    attempts = 0;
    ended = false;
    say("live", "live");
    if (!peer) send({ ready: ROOM });
  };
  socket.onmessage = ({ data }) => (typeof data === "string" ? hear(JSON.parse(data)) : draw(data));
  socket.onclose = ({ code }) => {
    ended ||= code === 1001; // the goodbye of a server that stops
    say("lost", ended ? "vst has ended" : "connection lost, trying again");
    setTimeout(connect, AGAIN[Math.min(attempts++, AGAIN.length - 1)]);
  };
}

function send(message) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

async function draw(blob) {
  try {
    const bitmap = await createImageBitmap(blob);
    show(bitmap.width, bitmap.height);
    picture.drawImage(bitmap, 0, 0);
    bitmap.close();
  } finally {
    if (!peer) send({ ready: 1 }); // asks for the next one only now: a slow browser gets fewer, never older ones
  }
}

function show(width, height) {
  const canvas = picture.canvas;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  at("waiting").hidden = true;
  shown.push(performance.now());
  shown = shown.slice(-40);
}

function say(kind, text) {
  at("state").className = kind;
  at("state").textContent = text;
}

let noticeTimer = 0;
function note(text, wrong = false) {
  at("notice").textContent = text;
  at("notice").classList.toggle("wrong", wrong);
  at("notice").hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (at("notice").hidden = true), wrong ? 8000 : 3000);
}

// Controls ----------------------------------------------------------------------------------------------------------

function hear(message) {
  if (message.error) note(message.error, true);
  if (!("viewers" in message)) return;
  status = message.status;
  for (const id of ["looks", "mix", "paint", "freeze", "split", "snapshot", "record"]) at(id).hidden = !status;
  if (status) reflect();
  at("mix").hidden = !status || status.styles.length < 2;
  count(message);
}

function reflect() {
  fillStyles();
  for (const button of at("styles").children) {
    const chosen = button.value === status.style;
    if (chosen && button.getAttribute("aria-checked") !== "true") showInList(button);
    button.setAttribute("aria-checked", chosen);
    button.tabIndex = chosen ? 0 : -1;
  }
  for (const id of SWITCHES) at(id).setAttribute("aria-pressed", status[id]);
  for (const id of SLIDERS) {
    if (Date.now() - (touched[id] || 0) > 600) at(id).value = status[id]; // not under the user's finger
    label(id);
  }
  at("keep_color").checked = status.keep_color;
  if (document.activeElement !== at("second")) at("second").value = status.second;
  at("recording").hidden = !status.record;
}

function showInList(button) {
  const [outer, inner] = [at("styles"), button].map((each) => each.getBoundingClientRect());
  at("styles").scrollTop += Math.min(inner.top - outer.top, 0) + Math.max(inner.bottom - outer.bottom, 0);
}

function fillStyles() {
  if (at("styles").childElementCount === status.styles.length) return;
  const readable = (name) => name.replaceAll("-", " ").replaceAll("_", " ");
  at("styles").replaceChildren(
    ...status.styles.map((name) => {
      const button = Object.assign(document.createElement("button"), { value: name, textContent: readable(name) });
      button.type = "button";
      button.setAttribute("role", "radio");
      button.onclick = () => send({ style: name });
      return button;
    }),
  );
  at("second").replaceChildren(...status.styles.map((name) => new Option(readable(name), name)));
}

const touched = {}; // when a slider was last moved here
function label(id) {
  document.querySelector(`output[for="${id}"]`).value = `${at(id).value} %`;
}

function listen() {
  for (const id of SLIDERS) {
    at(id).oninput = () => {
      touched[id] = Date.now();
      label(id);
      const more = id === "blend" ? { second: at("second").value } : {};
      send({ ...more, [id]: Number(at(id).value) });
    };
  }
  at("second").onchange = () => send({ second: at("second").value, blend: Number(at("blend").value) });
  at("keep_color").onchange = () => send({ keep_color: at("keep_color").checked });
  for (const id of SWITCHES) at(id).onclick = () => send({ [id]: !status[id] });
  at("snapshot").onclick = () => {
    send({ snapshot: true });
    note("snapshot taken");
  };
  at("full").onclick = () => (document.fullscreenElement ? document.exitFullscreen() : at("stage").requestFullscreen());
  at("rtc").onclick = () => (peer ? hangUp() : call());
  document.onkeydown = press;
}

function press(event) {
  const plain = !(event.ctrlKey || event.metaKey || event.altKey);
  const busy = event.target.matches("input, select, textarea") || (event.key === " " && event.target.matches("button"));
  if (!plain || busy) return;
  if (ORDERS[event.key] && status) {
    send(ORDERS[event.key]);
  } else if (KEYS[event.key] && !at(KEYS[event.key]).closest("[hidden]")) {
    at(KEYS[event.key]).click();
  } else {
    return;
  }
  event.preventDefault();
}

// Statistics --------------------------------------------------------------------------------------------------------

function count({ viewers, missed }) {
  const recent = shown.filter((moment) => performance.now() - moment < 1500);
  const rate = recent.length > 1 ? (1000 * (recent.length - 1)) / (recent.at(-1) - recent[0]) : 0;
  const rows = Object.entries((status && status.figures) || {}).map(([name, value]) => [NAMES[name] || name, value]);
  rows.push(["shown here a second", rate.toFixed(1)], ["missed here", missed], ["pages open", viewers]);
  at("numbers").replaceChildren(
    ...rows.flatMap(([name, value]) => {
      const term = Object.assign(document.createElement("dt"), { textContent: name });
      return [term, Object.assign(document.createElement("dd"), { textContent: readable(value) })];
    }),
  );
}

function readable(value) {
  if (Array.isArray(value)) return value.map(readable).join(" x ");
  if (typeof value === "number" && !Number.isInteger(value)) return value.toFixed(1);
  return value === null ? "-" : String(value);
}

// WebRTC ------------------------------------------------------------------------------------------------------------

async function call() {
  const connection = new RTCPeerConnection();
  peer = connection;
  connection.addTransceiver("video", { direction: "recvonly" });
  connection.ontrack = ({ streams, track }) => {
    at("video").srcObject = streams[0] || new MediaStream([track]);
    watch();
  };
  connection.onconnectionstatechange = () => {
    if (["failed", "closed"].includes(connection.connectionState) && peer === connection) {
      hangUp("WebRTC does not get through here (a tunnel?); the picture comes over the WebSocket");
    }
  };
  try {
    await connection.setLocalDescription(await connection.createOffer());
    await new Promise((done) => {
      connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && done();
      setTimeout(done, 1500);
    });
    const { type, sdp } = connection.localDescription;
    const body = JSON.stringify({ type, sdp });
    const answer = await fetch("/offer", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    await connection.setRemoteDescription(await answer.json());
  } catch (error) {
    if (peer === connection) hangUp(error.message);
  }
}

function watch() {
  const video = at("video");
  const tick = () => {
    if (!peer) return;
    if (video.hidden) {
      video.hidden = false;
      at("picture").hidden = true;
      at("rtc").setAttribute("aria-pressed", "true");
    }
    show(video.videoWidth, video.videoHeight);
    video.requestVideoFrameCallback(tick);
  };
  video.requestVideoFrameCallback(tick);
}

function hangUp(reason) {
  const connection = peer;
  peer = null;
  if (connection) connection.close();
  at("video").hidden = true;
  at("picture").hidden = false;
  at("rtc").setAttribute("aria-pressed", "false");
  if (typeof reason === "string") note(reason, true);
  send({ ready: ROOM });
}

async function begin() {
  listen();
  connect();
  const { webrtc } = await (await fetch("/status")).json();
  at("rtc").hidden = !webrtc;
  if (webrtc) call();
}

begin();
