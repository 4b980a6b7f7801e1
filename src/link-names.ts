/**
 * Names looked up by way of one service alone, for whoever must not let anything else out: every question goes
 * from the service's own address and a port that is root's to one of its name servers, so that rules can tell
 * it from all others. What was learnt can be told to programs.
 */

import { resolveName, type ResolveEnv } from './dns/stub-resolver.ts';
import type { Resolver } from './resolver.ts';
import type { Service } from './service/service.ts';
import type { PortRange } from './netlink/rule/rule.ts';
import { SystemError } from './shared/errors.ts';
import type { IpAddress } from './shared/ipaddress.ts';
import type { System } from './system/system.ts';

/** A way to a name server. */
export interface Inquiry {
  /** An address of ours. */
  readonly source: IpAddress;
  /** Of which one is taken at random. */
  readonly ports: PortRange;
  readonly server: IpAddress;
  readonly port: number;
}

/** No socket gets one of these unless root asks for it (ip_unprivileged_port_start); names are rarely looked up. */
const PORTS: PortRange = { first: 512, last: 1023 };

/** Some are in use. */
const MOST_ATTEMPTS = 16;

/** What it takes. */
export interface LinkNamesEnv extends Omit<ResolveEnv, 'system'> {
  readonly system: Pick<System, 'udp' | 'tcp' | 'closeFd'>;
  readonly resolver: Pick<Resolver, 'nameserversOf' | 'setHost' | 'confine'>;
}

/** See above. */
export class LinkNames {
  readonly #env: LinkNamesEnv;

  constructor(env: LinkNamesEnv) {
    this.#env = env;
  }

  /** Every way that `resolve` may take. */
  inquiries(service: Service): Inquiry[] {
    return this.#serversOf(service).flatMap(({ address: server, tlsName, port = tlsName === undefined ? 53 : 853 }) => {
      const source = addressOf(service, server.family);
      return source === undefined ? [] : [{ source, ports: PORTS, server, port }];
    });
  }

  /** At least one address. Rejects with ResolveError, or `signal.reason`. */
  resolve(name: string, service: Service, signal: AbortSignal): Promise<IpAddress[]> {
    const { system, clock, random } = this.#env;
    const bound: ResolveEnv['system'] = {
      closeFd: (fd) => system.closeFd(fd),
      udp: (options, scope) => this.#bound(service, options.family, (own) => system.udp({ ...options, ...own }, scope)),
      tcp: (options) => this.#bound(service, options.family, (bind) => system.tcp({ ...options, bind })),
    };
    const { interfaceName: device } = service.network.device;
    const query = { servers: this.#serversOf(service), device, families: [4, 6] as const };
    return resolveName(name, query, { clock, random, system: bound }, signal);
  }

  /** Has programs answered with these addresses of `name`, without a server; with none, as ever. */
  tell(name: string, addresses: readonly IpAddress[]): void {
    this.#env.resolver.setHost(name, addresses);
  }

  /** Has programs' questions go out by these links alone, by all again with undefined. */
  confine(links: readonly number[] | undefined): void {
    this.#env.resolver.confine(links);
  }

  #bound<T>(service: Service, family: 4 | 6, open: (own: { address: IpAddress; port: number }) => T): T {
    const address = addressOf(service, family);
    if (address === undefined) throw new Error(`a name server of IPv${family}, and no address of ours`);
    for (let attempt = 1; ; attempt++) {
      const port = PORTS.first + (this.#env.random.u32() % (PORTS.last - PORTS.first + 1));
      try {
        return open({ address, port });
      } catch (error) {
        const isTaken = error instanceof SystemError && error.code === 'EADDRINUSE';
        if (!isTaken || attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  // Those that an address of ours reaches by routes that rules know.
  #serversOf(service: Service): ReturnType<Resolver['nameserversOf']> {
    return this.#env.resolver.nameserversOf(service.network.device.ifindex)
      .filter(({ address }) => !address.isLinkLocal && addressOf(service, address.family) !== undefined);
  }
}

function addressOf({ inUse: { ipv4, ipv6 } }: Service, family: 4 | 6): IpAddress | undefined {
  return (family === 4 ? ipv4 : ipv6)?.address;
}
