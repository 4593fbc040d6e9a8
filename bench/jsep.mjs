// What one offer/answer exchange costs in processor time with 1, 10, 100 and 400 transceivers, per step and per transceiver: the
// last column of each step must stay level, or the step is not linear in the number of m-sections.
//
//     npm run build && node bench/jsep.mjs [rounds]
import { Side, transceiver } from "../dist-test/test/jsep-session.js";

const rounds = Number(process.argv[2] ?? 5);
const COUNTS = [1, 10, 100, 400];

function exchange(offerer, answerer, times) {
  const timed = (name, run) => {
    const start = process.cpuUsage();
    const value = run();
    const { user, system } = process.cpuUsage(start);
    times[name] ??= [];
    times[name].push((user + system) / 1000);
    return value;
  };
  const offer = timed("createOffer", () => offerer.createOffer());
  timed("setLocal(offer)", () => offerer.setLocal("offer", offer));
  timed("setRemote(offer)", () => answerer.setRemote("offer", offer));
  const answer = timed("createAnswer", () => answerer.createAnswer());
  timed("setLocal(answer)", () => answerer.setLocal("answer", answer));
  timed("setRemote(answer)", () => offerer.setRemote("answer", answer));
  return offer.length;
}

function run(count, bundlePolicy) {
  const first = {};
  const again = {};
  let size = 0;
  for (let round = 0; round < rounds; round++) {
    const side = (name) => new Side(name, { bundlePolicy });
    const a = side("a").with(
      ...Array.from({ length: count }, (_, i) => transceiver(`${i}`, i % 2 ? "audio" : "video")),
    );
    const b = side("b").with();
    size = exchange(a, b, first);
    exchange(a, b, again);
  }
  const median = (list) => list.toSorted((x, y) => x - y)[list.length >> 1];
  return { first, again, size, median };
}

run(20, "balanced");
for (const policy of ["balanced", "max-compat"]) {
  console.log(
    `bundlePolicy ${policy}: processor milliseconds, and microseconds per transceiver (medians of ${rounds})`,
  );
  const results = COUNTS.map((count) => ({ count, ...run(count, policy) }));
  console.log(["".padEnd(26), ...COUNTS.map((n) => `${n} `.padStart(18))].join(""));
  for (const part of ["first", "again"]) {
    for (const step of Object.keys(results[0][part])) {
      const cells = results.map(({ count, median, [part]: times }) => {
        const ms = median(times[step]);
        return `${ms.toFixed(2)} ${((ms * 1000) / count).toFixed(0).padStart(6)} `.padStart(18);
      });
      console.log([`${part}: ${step}`.padEnd(26), ...cells].join(""));
    }
  }
  console.log(
    ["offer, KB".padEnd(26), ...results.map(({ size }) => `${(size / 1000).toFixed(0)} `.padStart(18))].join(""),
  );
}
