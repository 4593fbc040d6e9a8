// Debug lines. A machine gets a Logger (or none) and says what it dropped and why; nothing is formatted unless
// somebody listens.

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Receives debug lines. `scope` names the layer ("ice", "dtls", …). Must not throw. */
export type Logger = (level: LogLevel, scope: string, message: string) => void;
