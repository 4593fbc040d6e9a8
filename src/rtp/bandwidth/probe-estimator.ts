// What a probe cluster measured: the rate at which its packets arrived, if enough of them did.

/** Share of the cluster's packets and bytes that must have arrived. */
const MIN_RECEIVED = 0.8;
/** Faster arrival than this multiple of the sending is an artefact. */
const MAX_RATIO = 2;
/** Arriving at less than this share of the sending rate means that the link was full ... */
const UNSATURATED_RATIO = 0.9;
/** ... and then a little less than was measured does not overuse it. */
const UTILIZATION = 0.95;
const MAX_INTERVAL = 1000;
/** Clusters remembered. */
const CLUSTERS = 8;

export class ProbeEstimator {
  /** Result of the latest cluster, bits per second; NaN if there is none. Taken by `take`. */
  private result = Number.NaN;
  /** The link was full: what arrived is its capacity, bits per second, else NaN. Belongs to the latest result. */
  capacity: number = Number.NaN;
  private readonly ids = new Int32Array(CLUSTERS).fill(-1);
  private readonly minPackets = new Int32Array(CLUSTERS);
  private readonly minBytes = new Int32Array(CLUSTERS);
  private readonly packets = new Int32Array(CLUSTERS);
  private readonly bytes = new Float64Array(CLUSTERS);
  private readonly firstSend = new Float64Array(CLUSTERS);
  private readonly lastSend = new Float64Array(CLUSTERS);
  private readonly lastSendSize = new Int32Array(CLUSTERS);
  private readonly firstArrival = new Float64Array(CLUSTERS);
  private readonly firstArrivalSize = new Int32Array(CLUSTERS);
  private readonly lastArrival = new Float64Array(CLUSTERS);

  /** A cluster was asked for. */
  expect(id: number, minPackets: number, minBytes: number): void {
    const at = id % CLUSTERS;
    this.ids[at] = id;
    this.minPackets[at] = Math.floor(minPackets * MIN_RECEIVED);
    this.minBytes[at] = minBytes * MIN_RECEIVED;
    this.packets[at] = 0;
    this.bytes[at] = 0;
    this.firstSend[at] = Number.POSITIVE_INFINITY;
    this.lastSend[at] = Number.NEGATIVE_INFINITY;
    this.firstArrival[at] = Number.POSITIVE_INFINITY;
    this.lastArrival[at] = Number.NEGATIVE_INFINITY;
  }

  /** One packet of a cluster arrived. */
  onPacket(id: number, sendTime: number, arrival: number, size: number): void {
    const at = id % CLUSTERS;
    if (this.ids[at] !== id) return;
    if (sendTime < this.firstSend[at]!) this.firstSend[at] = sendTime;
    if (sendTime > this.lastSend[at]!) {
      this.lastSend[at] = sendTime;
      this.lastSendSize[at] = size;
    }
    if (arrival < this.firstArrival[at]!) {
      this.firstArrival[at] = arrival;
      this.firstArrivalSize[at] = size;
    }
    if (arrival > this.lastArrival[at]!) this.lastArrival[at] = arrival;
    this.bytes[at]! += size;
    this.packets[at]!++;
    if (this.packets[at]! < this.minPackets[at]! || this.bytes[at]! < this.minBytes[at]!) return;
    const sendTimeSpan = this.lastSend[at]! - this.firstSend[at]!;
    const arrivalSpan = this.lastArrival[at]! - this.firstArrival[at]!;
    if (!(sendTimeSpan > 0 && sendTimeSpan <= MAX_INTERVAL && arrivalSpan > 0 && arrivalSpan <= MAX_INTERVAL)) return;
    // The last packet leaves at the end of the one time, the first arrives at the beginning of the other.
    const sendRate = ((this.bytes[at]! - this.lastSendSize[at]!) * 8000) / sendTimeSpan;
    const receiveRate = ((this.bytes[at]! - this.firstArrivalSize[at]!) * 8000) / arrivalSpan;
    if (receiveRate > MAX_RATIO * sendRate || !(receiveRate > 0)) return;
    const saturated = receiveRate < UNSATURATED_RATIO * sendRate;
    this.result = saturated ? UTILIZATION * receiveRate : Math.min(sendRate, receiveRate);
    this.capacity = saturated ? receiveRate : Number.NaN;
  }

  /** The latest result, once. */
  take(): number {
    const { result } = this;
    this.result = Number.NaN;
    return result;
  }
}
