/**
 * net.causeway.Dns1, at `/` of net.connman beside ConnMan's interfaces: what the DNS proxy does.
 * There only with a backend that resolves by itself.
 */

import { describeInterface } from '../interface.ts';

/** Servers, cache and health of the DNS proxy. */
export const causewayDnsInterface = describeInterface({
  name: 'net.causeway.Dns1',
  methods: {
    /** Where it answers, `address:port` each; empty while it does not. */
    GetListening: { out: { addresses: 'as' } },
    /**
     * Name (`address:port`, with `%link` and `#certificate` where there are such), whether it is
     * silent, milliseconds an answer takes (-1: unknown), questions, answers, failures.
     */
    GetServers: { out: { servers: 'a(sbdttt)' } },
    /**
     * Entries and bytes now; since the start fresh answers given from it, questions it had none for,
     * and answers given past their time.
     */
    GetCache: { out: { entries: 'u', bytes: 't', hits: 't', misses: 't', stale: 't' } },
    /** Forgets all answers. */
    Flush: {},
  },
  signals: {},
});
