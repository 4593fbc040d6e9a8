// OverconstrainedError (Media Capture and Streams §11.2): a DOMException that names the constraint that cannot be met.
import { domString } from "./conversions.js";
import { constructing, defineInterface, requireArguments } from "./webidl.js";

export class OverconstrainedError extends DOMException {
  readonly #constraint: string;

  constructor(...args: [constraint: string, message?: string]) {
    const where = constructing("OverconstrainedError");
    requireArguments(args.length, 1, where);
    const constraint = domString(args[0], where);
    super(args[1] === undefined ? "" : domString(args[1], where), "OverconstrainedError");
    this.#constraint = constraint;
  }

  get constraint(): string {
    return this.#constraint;
  }

  static {
    defineInterface(OverconstrainedError, {
      name: "OverconstrainedError",
      brand: (o) => #constraint in o,
      constructorLength: 1,
    });
  }
}
