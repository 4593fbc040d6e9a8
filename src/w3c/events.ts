// How an event is fired, and how its constructor takes its arguments. The event interfaces are with what they tell of; when they
// fire is task-queue.ts's matter.
import { boolean, type Converter, type Dictionary, dictionary, domString } from "./conversions.js";
import type { EventInit } from "./event-handlers.js";
import { constructing, requireArguments } from "./webidl.js";

const { dispatchEvent } = EventTarget.prototype;

/** Dispatches `event` at `target`, whatever the program has done to the object. Exceptions of listeners do not come back. */
export function fire(target: object, event: Event): void {
  dispatchEvent.call(target as EventTarget, event);
}

/** Fires an event of that name that uses the Event interface, does not bubble and cannot be cancelled. */
export function fireSimple(target: object, type: string): void {
  dispatchEvent.call(target as EventTarget, new Event(type));
}

const eventInit: Dictionary<EventInit> = dictionary<EventInit>("EventInit", {
  bubbles: { type: boolean },
  cancelable: { type: boolean },
  composed: { type: boolean },
});

/** Converts the arguments of an event constructor. */
export function eventArguments<T>(
  args: readonly unknown[],
  required: number,
  interfaceName: string,
  init: Converter<T>,
): [type: string, init: T] {
  const where = constructing(interfaceName);
  requireArguments(args.length, required, where);
  return [domString(args[0], where), init(args[1], where)];
}

/** A dictionary that inherits from EventInit. */
export function eventDictionary<T extends EventInit>(
  name: string,
  members: Parameters<typeof dictionary<T>>[1],
): Dictionary<T> {
  return dictionary<T>(name, members, eventInit);
}
