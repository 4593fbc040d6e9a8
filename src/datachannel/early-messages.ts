// Messages for streams on which no channel was made yet: the peer's side of a negotiated channel may be earlier than ours.
import { LateMap } from "../util/late-map.js";

const MAX_EARLY_MESSAGES = 256;
const MAX_EARLY_BYTES = 1024 * 1024;

export interface EarlyMessage {
  readonly ppid: number;
  readonly data: Uint8Array;
}

export class EarlyMessages {
  private readonly byStream: LateMap<number, EarlyMessage[]> = new LateMap();
  private messages = 0;
  private bytes = 0;

  /** Keeps a copy; false if there are too many. */
  keep(streamId: number, ppid: number, data: Uint8Array): boolean {
    if (this.messages >= MAX_EARLY_MESSAGES || this.bytes + data.length > MAX_EARLY_BYTES) return false;
    let list = this.byStream.get(streamId);
    if (list === undefined) {
      list = [];
      this.byStream.set(streamId, list);
    }
    list.push({ ppid, data: new Uint8Array(data) });
    this.messages++;
    this.bytes += data.length;
    return true;
  }

  /** What came for a stream, which is forgotten here. */
  take(streamId: number): readonly EarlyMessage[] {
    const list = this.byStream.get(streamId);
    if (list === undefined) return [];
    this.byStream.delete(streamId);
    this.messages -= list.length;
    for (const { data } of list) this.bytes -= data.length;
    return list;
  }

  clear(): void {
    this.byStream.clear();
    this.messages = 0;
    this.bytes = 0;
  }
}
