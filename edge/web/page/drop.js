// A picture dropped on the page, or chosen: sent as it is, painted after at once.  What was wrong with it is shown.
"use strict";

const LARGEST = 32 * 2 ** 20; // bytes that the server takes

async function send_picture(file) {
  if (!file) return;
  if (file.size > LARGEST) return note(`${file.name} has more than ${LARGEST / 2 ** 20} MiB; make it smaller`, true);
  note(`looking at ${file.name}`);
  try {
    const type = file.type.startsWith("image/") ? file.type : "image/unknown";
    const address = `/painting?name=${encodeURIComponent(file.name)}`;
    const answer = await fetch(address, { method: "POST", headers: { "Content-Type": type }, body: file });
    const text = await answer.text();
    if (!text.startsWith("{")) throw new Error(text.trim());
    const { style, error } = JSON.parse(text);
    if (error) throw new Error(error);
    note(`painting after ${style}: a preview`);
  } catch (wrong) {
    note(wrong.message, true);
  }
}

function welcome() {
  at("drop").hidden = false;
  at("painting").onchange = ({ target }) => {
    send_picture(target.files[0]);
    target.value = "";
  };
  document.ondragover = (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  };
  document.ondragleave = (event) => event.relatedTarget || document.body.classList.remove("dropping");
  document.ondrop = (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    send_picture(event.dataTransfer.files[0]);
  };
}

fetch("/status").then(async (answer) => (await answer.json()).paintings && welcome());
