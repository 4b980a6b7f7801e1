/**
 * net.causeway.Manager1: what ConnMan has no place for, beside net.connman.Manager at `/`.
 */

import { describeInterface } from '../interface.ts';

/** Ours, on the manager. */
export const causewayManagerInterface = describeInterface({
  name: 'net.causeway.Manager1',
  methods: {
    /** As SIGHUP: the settings of services that others have changed take effect. */
    Reload: {},
    /** Why everything is as it is, technologies first. Keys: src/explain/dbus.ts. */
    Explain: { out: { findings: 'aa{sv}' } },
    /** What the daemon waits for, and in how many seconds it happens, soonest first. */
    Waiting: { out: { timers: 'a(sd)' } },
    /**
     * Puts what is configured for an interface into the kernel again and asks its servers anew, without
     * disconnecting. NotFound for one that is not managed, NotConnected where nothing is connected.
     */
    Reapply: { in: { interface: 's' } },
    /**
     * Has everything that is configured put back as it is now after so many seconds, unless confirmed.
     * Statistics and leases are not part of it. It outlives the daemon.
     */
    CheckpointCreate: { in: { timeout: 'u' }, out: { id: 's' } },
    /** What was done since stays. An empty id means the only one there is. */
    CheckpointConfirm: { in: { id: 's' } },
    /** Puts everything back now. Those made after it are dropped. */
    CheckpointRollback: { in: { id: 's' } },
    /** Name, when it was made (microseconds since 1970), and seconds until it is put back. */
    GetCheckpoints: { out: { checkpoints: 'a(sxd)' } },
    /** The last so many changes, 0 for all that are kept, oldest first. Keys: src/changes/changes.ts. */
    GetLog: { in: { count: 'u' }, out: { changes: 'aa{sv}' } },
    /** Has `Logged` emitted until the caller leaves the bus. */
    FollowLog: {},
  },
  signals: {
    /** Only while somebody follows. */
    Logged: { change: 'a{sv}' },
  },
  properties: {
    /** Whether services are asked whether they are online, as far as main.conf has that asked. */
    OnlineCheck: { type: 'b', access: 'readwrite' },
  },
});
