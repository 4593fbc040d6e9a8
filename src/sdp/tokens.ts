// Words of the SDP grammar (RFC 8866 §9).

const TOKEN = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/;

/** RFC 8866 `token`. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** A decimal number from 0 to `max`, or undefined. */
export function integer(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^\d{1,20}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}
