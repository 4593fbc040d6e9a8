// The client's side of STUN's long-term credential mechanism (RFC 8489 §9.2): answers challenges, signs requests, checks
// responses. The keys themselves come from stun/credentials.ts.
import type { CryptoProvider, Hmac } from "../crypto/provider.js";
import {
  FEATURE_PASSWORD_ALGORITHMS,
  FEATURE_USERNAME_ANONYMITY,
  longTermKey,
  nonceFeatures,
  userhash,
} from "../stun/credentials.js";
import {
  PASSWORD_ALGORITHM_MD5,
  PASSWORD_ALGORITHM_SHA256,
  StunAttribute,
  type StunMessage,
  type StunProtection,
} from "../stun/message.js";

/** REALM and NONCE are fewer than 128 characters, at most 763 bytes (RFC 8489 §14.9, §14.10). */
const MAX_TEXT_BYTES = 763;

export type TurnCrypto = Pick<CryptoProvider, "random" | "hash" | "createHmac" | "equal">;

/** "retry": ask again with what the challenge gave. "refused": that cannot help. "ignored": not a challenge to believe. */
export type ChallengeOutcome = "retry" | "refused" | "ignored";
/** "unsigned": no integrity attribute of the kind that the request had. */
export type Verdict = "authentic" | "unsigned" | "forged";

export class LongTermCredentials {
  private readonly crypto: TurnCrypto;
  private readonly username: string;
  private readonly password: string;
  private realm: Uint8Array | undefined;
  private nonce: Uint8Array | undefined;
  private features = 0;
  private algorithms: Uint8Array | undefined;
  private algorithm: "md5" | "sha-256" = "md5";
  private name: Uint8Array | undefined;
  private hmac: Hmac | undefined;

  constructor(crypto: TurnCrypto, username: string, password: string) {
    this.crypto = crypto;
    this.username = username;
    this.password = password;
  }

  /** A realm is known: requests are signed. */
  get ready(): boolean {
    return this.hmac !== undefined;
  }

  /** Forgets the server's challenge: another server begins anew. */
  reset(): void {
    this.realm = undefined;
    this.nonce = undefined;
    this.features = 0;
    this.algorithms = undefined;
    this.hmac = undefined;
  }

  /** Adds what identifies us to a request, and gives what to sign it with. Nothing before the first challenge. */
  apply(request: StunMessage): StunProtection {
    if (this.hmac === undefined) return { fingerprint: true };
    const anonymous = (this.features & FEATURE_USERNAME_ANONYMITY) !== 0;
    if (anonymous) request.add(StunAttribute.userhash, this.name!);
    else request.addText(StunAttribute.username, this.username);
    request.add(StunAttribute.realm, this.realm!);
    request.add(StunAttribute.nonce, this.nonce!);
    if (this.algorithms === undefined) return { integrity: this.hmac, fingerprint: true };
    const number = this.algorithm === "md5" ? PASSWORD_ALGORITHM_MD5 : PASSWORD_ALGORITHM_SHA256;
    request.add(StunAttribute.passwordAlgorithms, this.algorithms);
    request.addPasswordAlgorithms(
      [{ algorithm: number, parameters: new Uint8Array(0) }],
      StunAttribute.passwordAlgorithm,
    );
    // RFC 8489 §9.2.5: once the server has offered algorithms, SHA-256 only.
    return { integritySha256: this.hmac, fingerprint: true };
  }

  /** 401 (RFC 8489 §9.2.5). `signed`: the request it answers had credentials. */
  handleUnauthorized(response: StunMessage, signed: boolean): ChallengeOutcome {
    const realm = response.get(StunAttribute.realm);
    const nonce = response.get(StunAttribute.nonce);
    if (realm === undefined || nonce === undefined) return signed ? "refused" : "ignored";
    if (realm.length > MAX_TEXT_BYTES || nonce.length > MAX_TEXT_BYTES) return "ignored";
    // A retry must change something; what we can change is the realm.
    if (signed && this.realm !== undefined && same(this.realm, realm)) return "refused";
    const features = nonceFeatures(response.text(StunAttribute.nonce)!);
    const list = response.get(StunAttribute.passwordAlgorithms);
    if (bidDown(features, list)) return "refused";
    let algorithm: "md5" | "sha-256" | undefined = "md5";
    if (list !== undefined) {
      algorithm = undefined;
      for (const offered of response.passwordAlgorithms() ?? []) {
        if (offered.algorithm === PASSWORD_ALGORITHM_MD5) algorithm = "md5";
        else if (offered.algorithm === PASSWORD_ALGORITHM_SHA256) algorithm = "sha-256";
        if (algorithm !== undefined) break;
      }
      if (algorithm === undefined) return "refused";
    }
    const realmText = response.text(StunAttribute.realm)!;
    this.realm = realm.slice();
    this.nonce = nonce.slice();
    this.features = features;
    this.algorithms = list?.slice();
    this.algorithm = algorithm;
    if ((features & FEATURE_USERNAME_ANONYMITY) !== 0) this.name = userhash(this.crypto, this.username, realmText);
    const key = longTermKey(this.crypto, this.username, realmText, this.password, algorithm);
    this.hmac = this.crypto.createHmac(list === undefined ? "sha-1" : "sha-256", key);
    return "retry";
  }

  /** 438 (RFC 8489 §9.2.5). */
  handleStaleNonce(response: StunMessage): ChallengeOutcome {
    const nonce = response.get(StunAttribute.nonce);
    if (this.hmac === undefined || nonce === undefined || nonce.length > MAX_TEXT_BYTES) return "ignored";
    const features = nonceFeatures(response.text(StunAttribute.nonce)!);
    if (bidDown(features, response.get(StunAttribute.passwordAlgorithms))) return "refused";
    // This response carries no integrity: one that takes back what the server announced is not the server's.
    if ((this.features & ~features) !== 0) return "ignored";
    this.nonce = nonce.slice();
    return "retry";
  }

  verify(response: StunMessage): Verdict {
    const { hmac } = this;
    if (hmac === undefined) return "unsigned";
    if (this.algorithms === undefined) {
      if (!response.hasIntegrity) return "unsigned";
      return response.verifyIntegrity(hmac, this.crypto) ? "authentic" : "forged";
    }
    if (!response.hasIntegritySha256) return "unsigned";
    return response.verifyIntegritySha256(hmac, this.crypto) ? "authentic" : "forged";
  }
}

/** The nonce announces password algorithms, but the list was taken out. */
export function bidDown(features: number, list: Uint8Array | undefined): boolean {
  return (features & FEATURE_PASSWORD_ALGORITHMS) !== 0 && list === undefined;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
