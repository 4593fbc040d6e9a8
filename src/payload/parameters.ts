// Reading one value out of the text of an a=fmtp line (RFC 8866 §6.15).

/** The value of `name` (in lower case), or undefined. */
export function formatParameter(parameters: string, name: string): string | undefined {
  for (const part of parameters.split(";")) {
    const equals = part.indexOf("=");
    if (equals > 0 && part.slice(0, equals).trim().toLowerCase() === name) return part.slice(equals + 1).trim();
  }
  return undefined;
}
