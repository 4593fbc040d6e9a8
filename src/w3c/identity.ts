// What an RTCPeerConnection knows of identities (https://w3c.github.io/webrtc-identity/). No identity provider's script can be
// loaded here, so every request for an assertion and every check of one fails with "idp-load-failure"; and where a program
// says whose identity it wants (`peerIdentity` of its configuration), no peer is let in. That is what the document asks for:
// what cannot be checked is not believed.
import { type Dictionary, dictionary, domString } from "./conversions.js";
import { domException, RTCError } from "./errors.js";
import type { RTCIdentityAssertion } from "./rtc-identity-assertion.js";

export interface RTCIdentityProviderOptions {
  peerIdentity?: string;
  protocol?: string;
  usernameHint?: string;
}

export const rtcIdentityProviderOptions: Dictionary<RTCIdentityProviderOptions> =
  dictionary<RTCIdentityProviderOptions>("RTCIdentityProviderOptions", {
    peerIdentity: { type: domString },
    protocol: { type: domString, default: () => "default" },
    usernameHint: { type: domString },
  });

interface Provider {
  readonly domain: string;
  readonly options: RTCIdentityProviderOptions;
}

export class Identity {
  readonly idpLoginUrl: string | null = null;
  readonly idpErrorInfo: string | null = null;
  private provider: Provider | undefined;
  /** The `peerIdentity` of the configuration. */
  private readonly target: string | undefined;
  private promise: Promise<RTCIdentityAssertion>;
  private reject!: (reason: unknown) => void;

  constructor(target: string | undefined) {
    this.target = target;
    this.promise = this.newPromise();
  }

  private newPromise(): Promise<RTCIdentityAssertion> {
    const promise = new Promise<RTCIdentityAssertion>((_resolve, reject) => {
      this.reject = reject;
    });
    // Few programs look at it; one that does not must not be ended by its rejection.
    promise.catch(() => {});
    return promise;
  }

  get peerIdentity(): Promise<RTCIdentityAssertion> {
    return this.promise;
  }

  setProvider(domain: string, options: RTCIdentityProviderOptions): void {
    this.provider = { domain, options };
  }

  /** getIdentityAssertion: what would come from the provider. */
  async assertion(where: string): Promise<string> {
    if (this.provider === undefined) throw domException("InvalidStateError", `${where}No identity provider is set.`);
    throw loadFailure(`${where}The identity provider ${this.provider.domain}`);
  }

  /** Of createOffer and createAnswer: the description would have to carry an assertion. Undefined if none is wanted. */
  assertionFailure(where: string): Promise<never> | undefined {
    if (this.provider === undefined) return undefined;
    const message = `${where}The identity provider ${this.provider.domain} cannot be loaded.`;
    return Promise.reject(domException("OperationError", message));
  }

  /** Before a remote description is set: throws where the peer would have to be somebody. */
  checkTarget(where: string): void {
    if (this.target === undefined) return;
    const error = domException("OperationError", `${where}That the peer is ${this.target} cannot be verified.`);
    this.reject(error);
    throw error;
  }

  /** A remote description with assertions has been set (webrtc-identity §7): without a target, renegotiation may do better. */
  handleAssertions(): void {
    this.reject(loadFailure("The peer's identity provider"));
    this.promise = this.newPromise();
  }
}

function loadFailure(subject: string): RTCError {
  return new RTCError({ errorDetail: "idp-load-failure" }, `${subject} cannot be loaded.`);
}
