// A process that holds one media peer in Node. Argument: which. Commands, as JSON lines (the agents in Python and Go know the same):
//
//   open { tracks, material }  a connection that will send and receive these tracks, each in a section of its own: [{ kind, codec }], codec
//                              as in `material`, the path of a file (see media-material.mjs). Some peers take more:
//                              `profiles`, SRTP's by their numbers; `numbered`, where sequence numbers begin
//   offer {}                   → { sdp }, with all candidates
//   answer { sdp }             → { sdp }
//   accept { sdp }             takes an answer
//   seen {}                    what came since the last time: { state, tracks: [one for each of open's] }, each { packets } in base64 where
//                              the peer does not decode, else { counters, decoded, size: [width, height] } or { frequency, loudness }
//   keyframe { track }         asks Parley for a key frame
//   close {}
import { createInterface } from "node:readline";

const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
console.log = console.info = console.debug = console.error;

const { open } = await import(`./media-${process.argv[2]}.mjs`);
const commands = await open();
for (const stray of ["unhandledRejection", "uncaughtException"]) {
  process.on(stray, (error) => write({ event: "stray", message: `${stray}: ${error?.stack ?? error}` }));
}
createInterface({ input: process.stdin })
  .on("line", async (text) => {
    const { req, op, ...args } = JSON.parse(text);
    try {
      write({ req, result: (await commands[op](args)) ?? {} });
    } catch (error) {
      write({ req, error: { name: error.name, message: error.message } });
    }
  })
  .on("close", () => process.exit(0));
write({ event: "ready" });
