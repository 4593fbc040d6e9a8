// What the script of an identity provider finds in its realm (webrtc-identity §4, §9): its global object's interface, and where
// it registers. Who makes the realm and calls the callbacks is not here, and nothing of this is an export: a window has none.
import { type AnyFunction, callback, type Dictionary, dictionary } from "./conversions.js";
import { defineInterface, executing, takeImpl } from "./webidl.js";

/** RTCIdentityProvider: the two callbacks, which return promises. */
export interface RTCIdentityProvider {
  generateAssertion: AnyFunction;
  validateAssertion: AnyFunction;
}

const identityProvider: Dictionary<RTCIdentityProvider> = dictionary<RTCIdentityProvider>("RTCIdentityProvider", {
  generateAssertion: { type: callback, required: true },
  validateAssertion: { type: callback, required: true },
});

/** Who made the realm hears of the provider here; the last one counts. */
export interface IdentityProviderRegistrarImpl {
  register(provider: RTCIdentityProvider): void;
}

export class RTCIdentityProviderRegistrar {
  readonly #impl: IdentityProviderRegistrarImpl = takeImpl();

  register(idp: RTCIdentityProvider): void {
    this.#impl.register(identityProvider(idp, executing("register", "RTCIdentityProviderRegistrar")));
  }

  static {
    defineInterface(RTCIdentityProviderRegistrar, { name: "RTCIdentityProviderRegistrar", brand: (o) => #impl in o });
  }
}

/** A WorkerGlobalScope where there is one. */
export class RTCIdentityProviderGlobalScope {
  readonly #registrar: RTCIdentityProviderRegistrar = takeImpl();

  get rtcIdentityProvider(): RTCIdentityProviderRegistrar {
    return this.#registrar;
  }

  static {
    defineInterface(RTCIdentityProviderGlobalScope, {
      name: "RTCIdentityProviderGlobalScope",
      brand: (o) => #registrar in o,
    });
  }
}
