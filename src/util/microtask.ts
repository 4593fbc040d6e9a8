// queueMicrotask as it was when this was loaded: fake timers of a program's tests may take its place (Jest's do), and throw away what
// waits, of which what asked for it would never hear.

export const microtask: (callback: () => void) => void = queueMicrotask;
