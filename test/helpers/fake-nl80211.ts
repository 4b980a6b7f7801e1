/**
 * The kernel's family nl80211 on sockets in memory: what an interface has heard, and what happens to it
 * (linux/nl80211.h). One interface; nothing can be asked of it but its last scan.
 */

import type { NetlinkOptions } from '../../src/system/system.ts';
import { done, FakeSocket, message } from '../unit/netlink/captures.ts';

const CONTROL = 16;
const FAMILY = 0x21;
const MLME_GROUP = 7;
const SCAN_GROUP = 6;
const [GET_SCAN, NEW_SCAN_RESULTS, AUTHENTICATE, DISCONNECT, CHANNEL_SWITCHED] = [32, 34, 37, 48, 88];

/** An access point in the air. */
export interface FakeBss {
  readonly ssid: string;
  readonly address: Uint8Array;
  readonly frequencyMhz: number;
  /** Elements after the name. */
  readonly elements?: readonly number[];
}

/** The kernel. */
export class FakeNl80211 {
  heard: readonly FakeBss[] = [];
  readonly #ifindex: () => number;
  readonly #groups: FakeSocket[] = [];
  readonly #scanGroups: FakeSocket[] = [];

  /** `ifindex`: whose events are told. */
  constructor(ifindex: () => number) {
    this.#ifindex = ifindex;
  }

  /** For `System`. */
  readonly netlink = ({ groups = [] }: NetlinkOptions): FakeSocket => {
    const socket = new FakeSocket();
    if (groups.includes(MLME_GROUP)) this.#groups.push(socket);
    if (groups.includes(SCAN_GROUP)) this.#scanGroups.push(socket);
    socket.onSend = (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const [type, sequence, command] = [view.getUint16(4, true), view.getUint32(8, true), view.getUint8(16)];
      const answers = type === CONTROL ? [FAMILY_ANSWER] : command === GET_SCAN ? this.heard.map(scanResult) : [];
      const answered = answers.map((body) => message(type, type === CONTROL ? 0 : 2, sequence, body));
      const end = type === CONTROL ? message(2, 0x100, sequence, new Int32Array(5)) : done(sequence);
      queueMicrotask(() => socket.deliver([...answered, end]));
    };
    return socket;
  };

  /** A scan has ended: what was heard in it is all that is known. */
  finishScan(heard: readonly FakeBss[]): void {
    this.heard = heard;
    const body = Buffer.concat([header(NEW_SCAN_RESULTS), attribute(3, u32(this.#ifindex()))]);
    for (const socket of this.#scanGroups) socket.deliver([message(FAMILY, 0, 0, body)]);
  }

  /** The access point answers an authentication frame. */
  authenticate(algorithm: number, sequence: number, status: number): void {
    const frame = Buffer.concat([Buffer.alloc(24), u16(algorithm), u16(sequence), u16(status)]);
    this.#tell(AUTHENTICATE, [attribute(51, frame)]);
  }

  /** Nobody answers. */
  stayMute(): void {
    this.#tell(AUTHENTICATE, [attribute(65, Buffer.alloc(0))]);
  }

  /** The connection ends. */
  disconnect(reason: number, isByAccessPoint: boolean): void {
    this.#tell(DISCONNECT, [attribute(54, u16(reason)), ...(isByAccessPoint ? [attribute(71, Buffer.alloc(0))] : [])]);
  }

  /** The access point in use goes on on another channel. */
  switchChannel(frequencyMhz: number): void {
    this.#tell(CHANNEL_SWITCHED, [attribute(38, u32(frequencyMhz))]);
  }

  #tell(command: number, attributes: readonly Buffer[]): void {
    const body = Buffer.concat([header(command), attribute(3, u32(this.#ifindex())), ...attributes]);
    for (const socket of this.#groups) socket.deliver([message(FAMILY, 0, 0, body)]);
  }
}

/** CTRL_CMD_NEWFAMILY: its number and its groups. */
const FAMILY_ANSWER = Buffer.concat([
  Buffer.from([1, 2, 0, 0]), attribute(1, u16(FAMILY)), attribute(2, Buffer.from('nl80211\0')),
  attribute(7, Buffer.concat([group(1, 'mlme', MLME_GROUP), group(2, 'scan', SCAN_GROUP)])),
]);

function group(index: number, name: string, id: number): Buffer {
  return attribute(index, Buffer.concat([attribute(2, u32(id)), attribute(1, Buffer.from(`${name}\0`))]));
}

function scanResult({ ssid, address, frequencyMhz, elements = [] }: FakeBss): Buffer {
  const name = Buffer.from(ssid);
  const bss = [
    attribute(1, Buffer.from(address)), attribute(2, u32(frequencyMhz)),
    attribute(6, Buffer.concat([Buffer.from([0, name.length]), name, Buffer.from(elements)])),
  ];
  return Buffer.concat([header(NEW_SCAN_RESULTS), attribute(47, Buffer.concat(bss))]);
}

function header(command: number): Buffer {
  return Buffer.from([command, 1, 0, 0]);
}

function attribute(type: number, payload: Buffer): Buffer {
  const padding = Buffer.alloc(-payload.length & 3);
  return Buffer.concat([u16(4 + payload.length), u16(type), payload, padding]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
