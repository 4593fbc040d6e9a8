// The event loop as the W3C specifications see it: everything a program can observe happens in a task, in the order in
// which the tasks were queued. One queue per peer connection; no other file decides when an event fires.
//
// One event is one call from the platform. In a browser microtasks run after every listener; in Node only when the stack is
// back at the event loop, so code that awaits one event must find the next in another call, also where the specification
// fires both in one task (`queueNext`). Measured on Node 20: a setImmediate in a queue of many takes 0.25 µs, constructing and
// dispatching a MessageEvent 0.15 µs. That is a tenth of the time there is for a message at 250,000 a second, and
// delivering several messages in one task would save most of it only by giving up the microtasks between them. The task
// function of a queue is one and the same, so a task costs no closure.
import type { Platform } from "../peer/platform.js";
import { Fifo } from "../util/fifo.js";

export type Task = () => void;
type TaskPlatform = Pick<Platform, "queueTask" | "continueTask">;

export class TaskQueue {
  private readonly platform: TaskPlatform;
  private readonly tasks: Fifo<Task> = new Fifo();
  /** What is left of the task that runs now. */
  private readonly rest: Task[] = [];
  private continues = false;
  private isClosed = false;
  /** The platform runs this once for each entry of `tasks`. */
  private readonly runOne = (): void => this.run(this.tasks.shift());
  private readonly runRest = (): void => {
    this.continues = false;
    const task = this.rest.shift();
    if (this.rest.length > 0) this.continueTask();
    this.run(task);
  };
  /** Listeners do not throw through the dispatch of an event, so what a task throws is a bug of ours. */
  private readonly onFault: ((error: unknown) => void) | undefined;

  constructor(platform: TaskPlatform, onFault?: (error: unknown) => void) {
    this.platform = platform;
    this.onFault = onFault;
  }

  get closed(): boolean {
    return this.isClosed;
  }

  /** Queues a task behind all others of this queue. `timely` as for the platform's: not for what comes often. */
  queue(task: Task, timely = false): void {
    if (this.isClosed) return;
    this.tasks.push(task);
    this.platform.queueTask(this.runOne, timely);
  }

  /** Queues a task before all others: the rest of the current one, after its microtasks. */
  queueNext(task: Task): void {
    if (this.isClosed) return;
    if (this.platform.continueTask === undefined) {
      this.tasks.unshift(task);
      this.platform.queueTask(this.runOne);
    } else {
      this.rest.unshift(task);
      this.continueTask();
    }
  }

  private continueTask(): void {
    if (this.continues) return;
    this.continues = true;
    this.platform.continueTask?.(this.runRest);
  }

  private run(task: Task | undefined): void {
    try {
      task?.();
    } catch (error) {
      if (this.onFault === undefined) throw error;
      this.onFault(error);
    }
  }

  /** Drops what is queued, and all that is queued from now on. */
  close(): void {
    this.isClosed = true;
    this.tasks.clear();
    this.rest.length = 0;
  }
}
