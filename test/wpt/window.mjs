// As much of a window as the tests of WebRTC look at, in Node's own realm: TypeError, Promise, Event, Blob and DOMException
// are then the same for the tests, for testharness.js and for Parley. Nothing here draws or loads; what plays is media-element.mjs.
import { mediaElementClass, VideoFrame } from "./media-element.mjs";

class Element extends EventTarget {
  constructor(tag, attributes = new Map(), text = "") {
    super();
    this.localName = tag;
    this.tagName = tag.toUpperCase();
    this.attributes = attributes;
    this.textContent = text;
    this.style = {};
    this.childNodes = [];
  }
  get id() {
    return this.getAttribute("id") ?? "";
  }
  set id(value) {
    this.setAttribute("id", value);
  }
  get name() {
    return this.getAttribute("name") ?? "";
  }
  get content() {
    return this.getAttribute("content") ?? "";
  }
  get src() {
    return this.getAttribute("src") ?? "";
  }
  get firstChild() {
    return this.childNodes[0] ?? (this.textContent === "" ? null : { data: this.textContent });
  }
  getAttribute(name) {
    return this.attributes.get(name) ?? null;
  }
  setAttribute(name, value) {
    this.attributes.set(name, String(value));
  }
  hasAttribute(name) {
    return this.attributes.has(name);
  }
  appendChild(node) {
    this.childNodes.push(node);
    return node;
  }
  removeChild(node) {
    this.childNodes.splice(this.childNodes.indexOf(node) >>> 0, 1);
    return node;
  }
  remove() {}
  /** Of a canvas: there is no context of any kind. */
  getContext() {
    return null;
  }
}

const RAW_TEXT = new Set(["script", "style", "title"]);

/** The elements of a page in their order; of its tree only the text in scripts, styles and the title is kept. */
function* elementsOf(html, create) {
  const tag = /<!--[\s\S]*?-->|<([a-z][\w-]*)((?:\s+[^\s=>/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+))?|\s*\/)*)\s*>/gi;
  for (let match = tag.exec(html); match !== null; match = tag.exec(html)) {
    if (match[1] === undefined) continue;
    const name = match[1].toLowerCase();
    const attributes = new Map();
    for (const [, key, a, b, c] of match[2].matchAll(/([^\s=>/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/g)) {
      attributes.set(key.toLowerCase(), a ?? b ?? c ?? "");
    }
    let text = "";
    if (RAW_TEXT.has(name)) {
      const rest = html.slice(tag.lastIndex);
      const length = rest.search(new RegExp(`</${name}`, "i"));
      text = length < 0 ? rest : rest.slice(0, length);
      tag.lastIndex += text.length;
    }
    yield create(name, attributes, text);
  }
}

class Document extends EventTarget {
  constructor(html, MediaElement) {
    super();
    const create = (tag, ...rest) => new (tag === "video" || tag === "audio" ? MediaElement : Element)(tag, ...rest);
    this.create = create;
    this.readyState = "loading";
    this.hidden = false;
    this.visibilityState = "visible";
    this.currentScript = null;
    this.elements = [...elementsOf(html, create)];
    this.title = this.elements.find(({ localName }) => localName === "title")?.textContent ?? "";
    this.head = new Element("head");
    this.body = new Element("body");
    this.documentElement = new Element("html");
  }
  createElement(tag) {
    return this.create(String(tag).toLowerCase());
  }
  createElementNS(_namespace, tag) {
    return this.createElement(tag);
  }
  createTextNode(data) {
    return { data, textContent: data };
  }
  getElementById(id) {
    return this.elements.find((element) => element.id === id) ?? null;
  }
  getElementsByTagName(tag) {
    return this.elements.filter(({ localName }) => localName === tag.toLowerCase());
  }
  querySelector(selector) {
    return selector.startsWith("#")
      ? this.getElementById(selector.slice(1))
      : (this.getElementsByTagName(selector)[0] ?? null);
  }
  querySelectorAll(selector) {
    return selector.startsWith("#")
      ? [this.getElementById(selector.slice(1))].filter((element) => element !== null)
      : this.getElementsByTagName(selector);
  }
}

class FileReader extends EventTarget {
  #read(result) {
    result.then((value) => {
      this.result = value;
      const event = new Event("load");
      this.onload?.(event);
      this.dispatchEvent(event);
    });
  }
  readAsArrayBuffer(blob) {
    this.#read(blob.arrayBuffer());
  }
  readAsText(blob) {
    this.#read(blob.text());
  }
}

class ErrorEvent extends Event {
  constructor(type, { error, message, filename }) {
    super(type, { cancelable: true });
    Object.assign(this, { error, message, filename, lineno: 0, colno: 0 });
  }
}

class PromiseRejectionEvent extends Event {
  constructor(type, { reason, promise }) {
    super(type, { cancelable: true });
    Object.assign(this, { reason, promise });
  }
}

/** Makes the global object the window of a page. `readFile` reads a path of the test tree, or gives undefined; `media`: parley-rtc/media. */
export function installWindow({ html, url, readFile, media }) {
  const define = (name, value) =>
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  const events = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"]) {
    define(name, events[name].bind(events));
  }
  for (const name of ["window", "self", "top", "parent", "frames"]) define(name, globalThis);
  class Window extends EventTarget {}
  const MediaElement = mediaElementClass(Element, media);
  const document = new Document(html, MediaElement);
  const own = { Window, Document, Element, VideoFrame, FileReader, ErrorEvent, PromiseRejectionEvent };
  for (const kind of ["", "Canvas"]) own[`HTML${kind}Element`] = Element;
  for (const kind of ["Media", "Video", "Audio"]) own[`HTML${kind}Element`] = MediaElement;
  const values = {
    ...own,
    document,
    opener: null,
    closed: false,
    location: url,
    origin: url.origin,
    isSecureContext: true,
    GLOBAL: { isWindow: () => true, isWorker: () => false, isShadowRealm: () => false },
    requestAnimationFrame: (callback) => setTimeout(() => callback(performance.now()), 16),
    cancelAnimationFrame: clearTimeout,
    async fetch(input) {
      const body = readFile(new URL(String(input), url).pathname);
      return body === undefined ? new Response("", { status: 404 }) : new Response(body);
    },
  };
  for (const [name, value] of Object.entries(values)) define(name, value);
  // It is there, with mediaDevices; but not in all versions of Node with this.
  if (!("userAgent" in navigator)) Object.defineProperty(navigator, "userAgent", { value: "Node.js" });
  for (const element of document.elements) {
    if (/^[A-Za-z_$][\w$]*$/.test(element.id) && !(element.id in globalThis)) define(element.id, element);
  }
  process.on("uncaughtException", (error) => {
    events.dispatchEvent(new ErrorEvent("error", { error, message: `Uncaught ${error}`, filename: url.href }));
  });
  process.on("unhandledRejection", (reason, promise) => {
    events.dispatchEvent(new PromiseRejectionEvent("unhandledrejection", { reason, promise }));
  });
  return document;
}
