// The alert protocol (RFC 5246 §7.2, RFC 8446 §6 for later codes): codes, names, codec.

export const AlertLevel = { warning: 1, fatal: 2 } as const;

export const AlertDescription = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  decryption_failed: 21,
  record_overflow: 22,
  decompression_failure: 30,
  handshake_failure: 40,
  no_certificate: 41,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  export_restriction: 60,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  no_renegotiation: 100,
  missing_extension: 109,
  unsupported_extension: 110,
  certificate_unobtainable: 111,
  unrecognized_name: 112,
  bad_certificate_status_response: 113,
  bad_certificate_hash_value: 114,
  unknown_psk_identity: 115,
  certificate_required: 116,
  no_application_protocol: 120,
} as const;

export type AlertName = keyof typeof AlertDescription;

const NAMES = new Map<number, AlertName>();
for (const name of Object.keys(AlertDescription) as AlertName[]) NAMES.set(AlertDescription[name], name);

/** The name of an alert's description in the RFC, or `alert <number>`. */
export function alertName(description: number): string {
  return NAMES.get(description) ?? `alert ${description}`;
}

export interface Alert {
  readonly level: number;
  readonly description: number;
}

/** Exactly one alert of two bytes; DTLS does not fragment or join them. */
export function parseAlert(data: Uint8Array): Alert | undefined {
  if (data.length !== 2) return undefined;
  const level = data[0]!;
  if (level !== AlertLevel.warning && level !== AlertLevel.fatal) return undefined;
  return { level, description: data[1]! };
}

export function writeAlert(level: number, description: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(level, description);
}
