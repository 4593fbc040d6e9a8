// Private keys that are safe to keep. Node's generateKeyPair gives KeyObjects whose lock the generating job takes once more
// when it is garbage-collected; where that happens while the key is exported, which allocates with the lock held, the thread
// waits for itself for good. So no KeyObject here is one that a job made: it gives encoded keys, which are imported.
import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  type RSAKeyPairOptions,
} from "node:crypto";

const SPKI = { format: "der", type: "spki" } as const;
const PKCS8 = { format: "der", type: "pkcs8" } as const;
const CURVES = { "P-256": { name: "prime256v1", length: 32 }, "P-384": { name: "secp384r1", length: 48 } } as const;

type RsaParameters = { readonly modulusLength: number; readonly publicExponent: number };
type KeyPair = [privateKey: KeyObject, publicKey: KeyObject];

/** As a JSON Web Key (RFC 8037 §2). */
export function generateX25519(): JsonWebKey {
  const jwk = { format: "jwk" };
  // Node has taken "jwk" here since 15.9; its typings do not know.
  const options = { privateKeyEncoding: jwk, publicKeyEncoding: jwk } as unknown as {
    privateKeyEncoding: typeof PKCS8;
  };
  return generateKeyPairSync("x25519", options as never).privateKey as unknown as JsonWebKey;
}

export function generateEcdsa(namedCurve: keyof typeof CURVES): KeyObject {
  const { name, length } = CURVES[namedCurve];
  const ecdh = createECDH(name);
  const point = ecdh.generateKeys();
  // RFC 7518 §6.2: both coordinates and the private key in full length.
  const d = Buffer.alloc(length);
  const scalar = ecdh.getPrivateKey();
  d.set(scalar, length - scalar.length);
  const key = {
    kty: "EC",
    crv: namedCurve,
    x: point.toString("base64url", 1, 1 + length),
    y: point.toString("base64url", 1 + length),
    d: d.toString("base64url"),
  };
  return createPrivateKey({ key, format: "jwk" });
}

function rsaOptions({ modulusLength, publicExponent }: RsaParameters): RSAKeyPairOptions<"der", "der"> {
  return { modulusLength, publicExponent, publicKeyEncoding: SPKI, privateKeyEncoding: PKCS8 };
}

function imported(privateKey: Buffer, publicKey: Buffer): KeyPair {
  return [createPrivateKey({ key: privateKey, ...PKCS8 }), createPublicKey({ key: publicKey, ...SPKI })];
}

/** Takes long: tenths of a second. */
export function generateRsa(parameters: RsaParameters): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", rsaOptions(parameters));
  return imported(privateKey, publicKey);
}

/** The same, in a thread of the pool. */
export function generateRsaAsync(parameters: RsaParameters): Promise<KeyPair> {
  return new Promise((resolve, reject) => {
    generateKeyPair("rsa", rsaOptions(parameters), (error, publicKey, privateKey) => {
      if (error) reject(error);
      else resolve(imported(privateKey, publicKey));
    });
  });
}
