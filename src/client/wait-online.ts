/**
 * connmand-wait-online: ends when the network is there, for units that must start after it. Looks
 * at the services at every change the daemon announces, and outlives a daemon that is not there yet
 * or starts anew. Exit statuses are ConnMan's: 0, 110 timeout, 92 no bus, 95 a bad option.
 */

import { parseBusAddress, systemBusAddress } from '../dbus/address.ts';
import { connectBus, type Bus } from '../dbus/bus.ts';
import { managerInterface } from '../dbus/interfaces/manager.ts';
import { nodeTransport } from '../dbus/transport.ts';
import { type Clock, DeadlineClock, nodeTimeSource } from '../shared/clock.ts';
import { formatHelp, UsageError } from '../shared/command-line.ts';
import { stackOf } from '../shared/errors.ts';
import { createScope, type Scope } from '../shared/scope.ts';
import { VERSION } from '../version.ts';
import { busError } from './errors.ts';
import { isSatisfied, parseWaitOnline, WAIT_ONLINE, type WaitRequest } from './wait-online-options.ts';

const CONNMAN = 'net.connman';
const STATUS = { timeout: 110, noBus: 92, badOption: 95 } as const;

/** Programs that start units read the status: nothing else may end this one. */
async function main(argv: readonly string[]): Promise<number> {
  let request: ReturnType<typeof parseWaitOnline>;
  try {
    request = parseWaitOnline(argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return STATUS.badOption;
  }
  if (request === 'help') process.stdout.write(formatHelp(WAIT_ONLINE, 'connmand-wait-online'));
  else if (request === 'version') process.stdout.write(`${VERSION}\n`);
  else return wait(request);
  return 0;
}

async function wait(request: WaitRequest): Promise<number> {
  const scope = createScope();
  const clock = new DeadlineClock(nodeTimeSource());
  try {
    const expired = new Promise<number>((resolve) => {
      if (request.timeoutMs === Infinity) return;
      clock.after('--timeout', request.timeoutMs, scope, () => resolve(STATUS.timeout));
    });
    return await Promise.race([untilSatisfied(request, clock, scope), expired]);
  } finally {
    await scope.close();
  }
}

async function untilSatisfied(request: WaitRequest, clock: Clock, scope: Scope): Promise<number> {
  const address = systemBusAddress(process.env);
  let bus: Bus;
  try {
    bus = await connectBus(nodeTransport(address, scope), { clock }, scope);
  } catch (error) {
    process.stderr.write(`${busError(error, parseBusAddress(address)[0] ?? address).message}\n`);
    return STATUS.noBus;
  }
  return new Promise((resolve) => {
    const watch = new ServiceWatch(bus, request, () => resolve(0));
    bus.lost.observe(scope, () => {
      process.stderr.write('Error: Disconnected from D-Bus\n');
      resolve(STATUS.noBus);
    });
    const failed = (): void => resolve(STATUS.noBus);
    for (const noun of ['Manager', 'Service']) {
      const match = { sender: CONNMAN, interface: `net.connman.${noun}` };
      bus.onSignal(match, scope, () => watch.look()).catch(failed);
    }
    bus.watchName(CONNMAN, scope, (owner) => {
      if (owner !== undefined) watch.look();
    });
  });
}

/** Asks for the services, once at a time however many changes there are. */
class ServiceWatch {
  readonly #bus: Bus;
  readonly #request: WaitRequest;
  readonly #onSatisfied: () => void;
  #isLooking = false;
  #isStale = false;

  constructor(bus: Bus, request: WaitRequest, onSatisfied: () => void) {
    this.#bus = bus;
    this.#request = request;
    this.#onSatisfied = onSatisfied;
  }

  look(): void {
    this.#isStale = true;
    if (!this.#isLooking) void this.#lookUntilFresh();
  }

  async #lookUntilFresh(): Promise<void> {
    this.#isLooking = true;
    const manager = this.#bus.proxy(managerInterface, CONNMAN, '/');
    while (this.#isStale) {
      this.#isStale = false;
      // A daemon that goes while asked is looked at again when it is back.
      const services = await manager.GetServices().catch(() => []);
      if (isSatisfied(this.#request, services)) this.#onSatisfied();
    }
    this.#isLooking = false;
  }
}

main(process.argv.slice(2)).then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    process.stderr.write(`connmand-wait-online: ${stackOf(error)}\n`);
    process.exit(STATUS.noBus);
  },
);
