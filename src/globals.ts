// Installs the W3C classes and navigator.mediaDevices on globalThis, for code that expects a browser's globals. Names that
// are taken are replaced: a runtime's own half of the API would not know our objects.
import * as entry from "./index.js";

for (const [name, value] of Object.entries(entry)) {
  if (!/^[A-Z]/.test(name)) continue;
  Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
}

// Node has a navigator from version 21 on.
const scope = globalThis as { navigator?: object };
if (typeof scope.navigator !== "object") {
  Object.defineProperty(scope, "navigator", { value: {}, writable: true, enumerable: true, configurable: true });
}
Object.defineProperty(scope.navigator, "mediaDevices", {
  value: entry.mediaDevices,
  writable: true,
  enumerable: true,
  configurable: true,
});
