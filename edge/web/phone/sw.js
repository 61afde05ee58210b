// Keeps the page for times without a network: its own files at once, what paints when it was first asked for.  Every
// file is checked against its hash, and what did not change is kept when a new version comes.
"use strict";

importScripts("files.js"); // FILES: path -> hash, HEADERS: what the page is to be answered with
const CACHE = `vst ${registration.scope}`; // an origin may hold several pages
const LATER = /^(vendor|styles)\/(?!litert\.js)/;
const key = (path) => new URL(`${path}?${encodeURIComponent(FILES[path])}`, registration.scope).href;

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(Promise.all(Object.keys(FILES).filter((path) => !LATER.test(path)).map(kept)));
});

addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([clients.claim(), tidied()]));
});

addEventListener("fetch", (event) => {
  const [address] = event.request.url.split(/[?#]/);
  if (event.request.method !== "GET" || !address.startsWith(registration.scope)) return;
  const path = address.slice(registration.scope.length) || "index.html";
  if (path in FILES) event.respondWith(answered(path));
});

async function answered(path) {
  const { body, headers: sent, status } = await kept(path);
  const headers = new Headers(sent);
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name); // it is unpacked already
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(body, { status, headers });
}

async function kept(path) {
  const cache = await caches.open(CACHE);
  const there = await cache.match(key(path));
  if (there) return there;
  const response = await fetch(new Request(path, { integrity: FILES[path], cache: "no-cache" }));
  if (response.ok) await cache.put(key(path), response.clone());
  return response;
}

async function tidied() {
  const cache = await caches.open(CACHE);
  const wanted = new Set(Object.keys(FILES).map(key));
  const stale = (await cache.keys()).filter(({ url }) => !wanted.has(url));
  await Promise.all(stale.map((request) => cache.delete(request)));
}
