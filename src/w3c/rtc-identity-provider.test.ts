import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type RTCIdentityProvider,
  RTCIdentityProviderGlobalScope,
  RTCIdentityProviderRegistrar,
} from "./rtc-identity-provider.js";
import { construct } from "./webidl.js";

test("an identity provider registers with two functions", () => {
  const registered: RTCIdentityProvider[] = [];
  const registrar = construct(RTCIdentityProviderRegistrar, {
    register: (provider: RTCIdentityProvider) => registered.push(provider),
  });
  const scope = construct(RTCIdentityProviderGlobalScope, registrar);
  assert.equal(scope.rtcIdentityProvider, registrar);
  const [generateAssertion, validateAssertion] = [() => {}, () => {}];
  registrar.register({ generateAssertion, validateAssertion });
  assert.deepEqual(registered, [{ generateAssertion, validateAssertion }]);
  for (const bad of [{}, { generateAssertion }, { generateAssertion, validateAssertion: 1 }, null]) {
    assert.throws(() => registrar.register(bad as never), TypeError);
  }
  assert.throws(() => new RTCIdentityProviderRegistrar(), TypeError);
});
