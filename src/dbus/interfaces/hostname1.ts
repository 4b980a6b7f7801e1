/**
 * org.freedesktop.hostname1, as far as we give it a host name: at `/org/freedesktop/hostname1`.
 * Names and signatures are systemd-hostnamed's.
 */

import { describeInterface } from '../interface.ts';

/** The host's names, at `/org/freedesktop/hostname1`. */
export const hostname1Interface = describeInterface({
  name: 'org.freedesktop.hostname1',
  methods: { SetHostname: { in: { hostname: 's', interactive: 'b' } } },
  signals: {},
});
