// All that the page says, but for what a browser that is too old to run this must read (index.html).

export const WORDS = {
  title: "Paint what the camera sees",
  promise: "Everything happens on this device: the camera picture is painted here and is never sent anywhere.",
  asks: "The browser will ask you for the camera first. It is off whenever this page is hidden.",
  camera: "Use the camera",
  file: "Picture or video",
  loading: "Loading what paints: a few megabytes, kept for the next visit",
  ready: "Ready",
  opening: "Waiting for the camera: please allow it in the browser's question",
  painting: "Painting",
  styles: "Style",
  mix: "Mix",
  with: "with",
  amount: "amount",
  look: "Look",
  strength: "strength",
  compare: "compare",
  keep: "keep the original colours",
  pause: "Pause",
  other: "Other camera",
  snapshot: "Snapshot",
  record: "Record",
  sound: "record with the microphone",
  full: "Full screen",
  picture: "The painted picture",
  buttons: "Actions",
  controls: "Controls",
  figures: (rate, milliseconds, { width, height }, runtime) =>
    `${rate.toFixed(0)} frames a second · ${milliseconds.toFixed(0)} ms · ${width}x${height} · ${runtime}`,
  base: "",
  small: "small network, ",
  wasm: (threads) => (threads > 1 ? `WebAssembly, ${threads} threads` : "WebAssembly"),
  webgpu: () => "WebGPU",
  saved: "Saved a snapshot",
  recording: "Recording",
  recorded: "Saved the recording",
  paused: "Paused",
  // Why something does not work, and what to do.
  denied:
    "The camera was refused. Allow it for this page in the browser's address bar (or in the system's privacy settings), " +
    "then try again; or choose a picture or video instead.",
  noCamera: "No camera was found. Connect one and try again; or choose a picture or video instead.",
  busyCamera: "The camera is there but does not answer; another program may be using it. Close that and try again.",
  lostCamera: "The camera went away. Connect it and try again.",
  insecure:
    "Browsers give the camera only to secure pages: open this page over https://, or on this machine as http://localhost. " +
    "Pictures and videos work as they are.",
  unreadable: "This file cannot be opened here; choose a picture or a video that this browser plays.",
  old:
    "This browser is missing something that the page needs: WebGL 2, WebAssembly with SIMD and OffscreenCanvas. " +
    "Use Chrome or Edge 113, Firefox 121, Safari 16.4 or newer.",
  noSound: "The microphone was refused; allow it, or record without it.",
  noRecording: "This browser does not record; take snapshots instead.",
  unloaded: "What paints could not be loaded. Check the connection and open the page again.",
  broken: "Painting stopped because of an error; open the page again.",
};

// Put the words where the page names them.
export function fill(root) {
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = WORDS[element.dataset.word];
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", WORDS[element.dataset.label]);
  }
}
