// The value of an a=fmtp line (RFC 8866 §6.15) as most RTP payload formats write it: parameters with semicolons between.

/** Names in lower case. What is no `name=value`, such as `111/111` of red or `0-15` of telephone-event, is under "". */
export type FormatParameters = ReadonlyMap<string, string>;

const NONE: FormatParameters = new Map();

export function parseFmtp(text: string | undefined): FormatParameters {
  if (text === undefined || text === "") return NONE;
  const out = new Map<string, string>();
  for (const part of text.split(";")) {
    const parameter = part.trim();
    if (parameter === "") continue;
    const equals = parameter.indexOf("=");
    if (equals < 0) out.set("", parameter);
    else out.set(parameter.slice(0, equals).trim().toLowerCase(), parameter.slice(equals + 1).trim());
  }
  return out;
}

/** The text of parameters; undefined for none. */
export function writeFmtp(parameters: FormatParameters): string | undefined {
  if (parameters.size === 0) return undefined;
  return [...parameters].map(([name, value]) => (name === "" ? value : `${name}=${value}`)).join(";");
}
