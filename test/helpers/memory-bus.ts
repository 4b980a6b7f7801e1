/**
 * A message bus in this process: any number of `Bus`es, each with its real encoding and
 * authentication, over a small broker that knows names, match rules and unicast. Bytes handed over
 * are overwritten afterwards, as the addon's arena does, so that nothing may keep them.
 */

import type { Clock } from '../../src/shared/clock.ts';
import type { Scope } from '../../src/shared/scope.ts';
import type { StreamSocket } from '../../src/system/system.ts';
import { type Bus, connectBus } from '../../src/dbus/bus.ts';
import { FrameAssembler } from '../../src/dbus/frames.ts';
import { ERROR, type Message, METHOD_CALL, METHOD_RETURN, NO_REPLY_EXPECTED, SIGNAL } from '../../src/dbus/message.ts';
import { parseSignature } from '../../src/dbus/complete-type.ts';
import { readMessage } from '../../src/dbus/read-message.ts';
import { type Body, EMPTY_BODY, type Head, writeMessage } from '../../src/dbus/write-message.ts';
import { MessageWriter } from '../../src/dbus/writer.ts';
import { FakeClock } from './fake-clock.ts';

/** A bus to be joined. */
export interface MemoryBus {
  /** A connection of its own, until `scope` closes. */
  connect(scope: Scope): Promise<Bus>;
  /** Waits until everything sent has arrived and been answered. */
  settled(): Promise<void>;
  /** Ends all connections as a bus does that dies. */
  stop(): void;
  /** The match rules of all connections. */
  readonly matchRules: readonly string[];
}

/** Makes an empty bus; the connections run on `clock`. Descriptors pass through unchanged. */
export function memoryBus(clock: Clock = new FakeClock()): MemoryBus {
  const broker = new Broker();
  return {
    async connect(scope) {
      const own = scope.child();
      return connectBus(broker.attach(own), { clock, closeFd: () => undefined }, own);
    },
    async settled() {
      for (let quiet = 0, seen = -1; quiet < 4; quiet++) {
        if (broker.messageCount !== seen) quiet = 0;
        seen = broker.messageCount;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    stop: () => broker.stop(),
    get matchRules() {
      return broker.matchRules;
    },
  };
}

const DRIVER = 'org.freedesktop.DBus';

interface Peer {
  readonly transport: StreamSocket;
  readonly assembler: FrameAssembler;
  readonly rules: string[];
  readonly writer: MessageWriter;
  name: string;
  isAuthenticated: boolean;
}

class Broker {
  readonly #peers = new Set<Peer>();
  readonly #owners = new Map<string, Peer>();
  #count = 0;
  #serial = 0;
  messageCount = 0;

  get matchRules(): string[] {
    return [...this.#peers].flatMap(({ rules }) => rules);
  }

  attach(scope: Scope): StreamSocket {
    const transport: StreamSocket = {
      onData: () => undefined,
      onEnd: () => undefined,
      send: (bytes, fds = []) => this.#receive(peer, bytes, fds),
      queuedBytes: 0,
    };
    const peer: Peer = {
      transport,
      assembler: new FrameAssembler(),
      rules: [],
      writer: new MessageWriter(),
      name: '',
      isAuthenticated: false,
    };
    this.#peers.add(peer);
    scope.defer(() => this.#detach(peer));
    return transport;
  }

  stop(): void {
    const peers = [...this.#peers];
    this.#peers.clear();
    this.#owners.clear();
    for (const { transport } of peers) transport.onEnd(undefined);
  }

  #detach(peer: Peer): void {
    if (!this.#peers.delete(peer)) return;
    for (const [name, owner] of [...this.#owners]) if (owner === peer) this.#setOwner(name, undefined);
  }

  #receive(peer: Peer, bytes: Uint8Array, fds: readonly number[]): void {
    if (!this.#peers.has(peer)) return;
    if (!peer.isAuthenticated) return this.#authenticate(peer, Buffer.from(bytes).toString('latin1'));
    const waiting = [...fds];
    peer.assembler.push(bytes, (chunk, start, end) => {
      this.messageCount++;
      const received = readMessage(chunk, start, end);
      const own = waiting.splice(0, received.fdCount);
      const bodyLength = chunk.view.getUint32(start + 4, true);
      const raw = chunk.bytes.subarray(end - bodyLength, end);
      const body: Body = {
        signature: received.message.signature,
        write(writer) {
          writer.raw(raw, 8);
          writer.fds.push(...own);
        },
      };
      received.readBody(own);
      this.#route(peer, received.message, body);
    });
  }

  #authenticate(peer: Peer, text: string): void {
    const answers: Readonly<Record<string, string>> = {
      AUTH: 'DATA\r\n', DATA: 'OK 0123456789abcdef0123456789abcdef\r\n', NEGOTIATE_UNIX_FD: 'AGREE_UNIX_FD\r\n',
    };
    const word = /[A-Z_]+/.exec(text)?.[0] ?? '';
    if (word === 'BEGIN') peer.isAuthenticated = true;
    else setImmediate(() => peer.transport.onData(Buffer.from(answers[word] ?? 'ERROR\r\n'), []));
  }

  #route(from: Peer, message: Message, body: Body): void {
    const { destination } = message;
    if (destination === DRIVER) return this.#drive(from, message);
    const head = { ...message, sender: from.name };
    if (destination === undefined) {
      for (const peer of [...this.#peers]) if (this.#wants(peer, head)) this.#send(peer, head, body);
      return;
    }
    const to = this.#owners.get(destination);
    if (to !== undefined) this.#send(to, head, body);
    else if (message.type === METHOD_CALL) this.#fail(from, message, 'ServiceUnknown');
  }

  #drive(from: Peer, message: Message): void {
    const [name, rule] = [String(message.body[0]), String(message.body[0])];
    const owner = this.#owners.get(name);
    switch (message.member) {
      case 'Hello':
        from.name = `:1.${this.#count++}`;
        this.#setOwner(from.name, from);
        return this.#answer(from, message, 's', [from.name]);
      case 'RequestName':
        if (owner === undefined) this.#setOwner(name, from);
        return this.#answer(from, message, 'u', [owner === undefined ? 1 : owner === from ? 4 : 3]);
      case 'ReleaseName':
        if (owner === from) this.#setOwner(name, undefined);
        return this.#answer(from, message, 'u', [owner === from ? 1 : 2]);
      case 'GetNameOwner':
        return owner === undefined
          ? this.#fail(from, message, 'NameHasNoOwner')
          : this.#answer(from, message, 's', [owner.name]);
      case 'AddMatch':
        from.rules.push(rule);
        return this.#answer(from, message, '', []);
      case 'RemoveMatch':
        if (!from.rules.includes(rule)) return this.#fail(from, message, 'MatchRuleNotFound');
        from.rules.splice(from.rules.indexOf(rule), 1);
        return this.#answer(from, message, '', []);
      case 'GetMachineId':
        return this.#answer(from, message, 's', ['00112233445566778899aabbccddeeff']);
      case 'Ping':
        return this.#answer(from, message, '', []);
      default:
        return this.#fail(from, message, 'UnknownMethod');
    }
  }

  #setOwner(name: string, owner: Peer | undefined): void {
    const before = this.#owners.get(name)?.name ?? '';
    if (owner === undefined) this.#owners.delete(name);
    else this.#owners.set(name, owner);
    const values = [name, before, owner?.name ?? ''];
    const origin = { sender: DRIVER, path: '/org/freedesktop/DBus', interface: DRIVER };
    const head = { type: SIGNAL, ...origin, member: 'NameOwnerChanged' } as const;
    const body = bodyOf('sss', values);
    for (const peer of [...this.#peers]) if (this.#wants(peer, { ...head, body: values })) this.#send(peer, head, body);
  }

  #wants(peer: Peer, message: Partial<Message>): boolean {
    return peer.rules.some((rule) => {
      const pairs = [...rule.matchAll(/(\w+)='([^']*)'/g)].map(([, key = '', value]) => [key, value]);
      const { sender, path, path_namespace: namespace, interface: name, member, arg0 } = Object.fromEntries(pairs);
      const owner = sender === undefined || sender === DRIVER ? sender : this.#owners.get(sender)?.name;
      return (
        message.type === SIGNAL &&
        (sender === undefined || owner === message.sender) &&
        (path === undefined || path === message.path) &&
        (namespace === undefined || namespace === '/' || `${message.path}/`.startsWith(`${namespace}/`)) &&
        (name === undefined || name === message.interface) &&
        (member === undefined || member === message.member) &&
        (arg0 === undefined || arg0 === message.body?.[0])
      );
    });
  }

  #answer(to: Peer, call: Message, signature: string, values: readonly unknown[]): void {
    if ((call.flags & NO_REPLY_EXPECTED) !== 0) return;
    const head = { type: METHOD_RETURN, replySerial: call.serial, destination: to.name, sender: DRIVER } as const;
    this.#send(to, head, signature === '' ? EMPTY_BODY : bodyOf(signature, values));
  }

  #fail(to: Peer, call: Message, error: string): void {
    if ((call.flags & NO_REPLY_EXPECTED) !== 0) return;
    const errorName = `org.freedesktop.DBus.Error.${error}`;
    const head = { type: ERROR, errorName, replySerial: call.serial, destination: to.name, sender: DRIVER } as const;
    this.#send(to, head, bodyOf('s', [`${call.member ?? ''}: ${error}`]));
  }

  #send(to: Peer, head: Omit<Head, 'serial'> & { readonly serial?: number }, body: Body): void {
    if (!this.#peers.has(to)) return;
    writeMessage(to.writer, { ...head, serial: head.serial ?? ++this.#serial }, body);
    const { fds } = to.writer;
    const bytes = new Uint8Array(to.writer.take());
    to.transport.onData(bytes, fds);
    bytes.fill(0xff);
  }
}

function bodyOf(signature: string, values: readonly unknown[]): Body {
  return { signature, write: (writer) => writer.values(parseSignature(signature), values) };
}
