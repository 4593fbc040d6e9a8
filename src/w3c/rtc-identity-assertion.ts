// RTCIdentityAssertion (webrtc-identity §9.3).
import { domString } from "./conversions.js";
import { constructing, defineInterface, requireArguments, setting } from "./webidl.js";

export class RTCIdentityAssertion {
  #idp: string;
  #name: string;

  constructor(...args: [idp: string, name: string]) {
    const where = constructing("RTCIdentityAssertion");
    requireArguments(args.length, 2, where);
    this.#idp = domString(args[0], where);
    this.#name = domString(args[1], where);
  }

  get idp(): string {
    return this.#idp;
  }
  set idp(value: string) {
    this.#idp = domString(value, setting("idp", "RTCIdentityAssertion"));
  }

  get name(): string {
    return this.#name;
  }
  set name(value: string) {
    this.#name = domString(value, setting("name", "RTCIdentityAssertion"));
  }

  static {
    defineInterface(RTCIdentityAssertion, {
      name: "RTCIdentityAssertion",
      brand: (o) => #idp in o,
      constructorLength: 2,
    });
  }
}
