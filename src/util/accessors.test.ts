import assert from "node:assert/strict";
import { test } from "node:test";
import { accessors } from "./accessors.js";

interface Shown {
  state: string;
  readonly size: number;
  add(): void;
}
const make = accessors<Shown, "state" | "size">(["state", "size"]);

test("the accessors are those of the object they were given to", () => {
  const shown = [1, 2].map((start) => {
    let state = "new";
    let size = start;
    return make(
      { state: () => state, size: () => size },
      { add: () => void size++ },
      {
        state: (value) => {
          state = value;
        },
      },
    );
  });
  const [first, second] = shown as [Shown, Shown];
  first.state = "open";
  first.add();
  assert.deepEqual([first.state, first.size], ["open", 2]);
  assert.deepEqual([second.state, second.size], ["new", 2]);
  second.add();
  assert.equal(second.size, 3);
  assert.equal(Object.getPrototypeOf(first), Object.getPrototypeOf(second), "one shape for all");
});
