/**
 * org.freedesktop.login1.Manager, as far as a service needs it that has something to do before and
 * after the machine sleeps: at `/org/freedesktop/login1`. Names and signatures are logind's.
 */

import { describeInterface } from '../interface.ts';

/** Puts the machine to sleep, at `/org/freedesktop/login1`. */
export const login1ManagerInterface = describeInterface({
  name: 'org.freedesktop.login1.Manager',
  methods: {
    Inhibit: { in: { what: 's', who: 's', why: 's', mode: 's' }, out: { pipe_fd: 'h' } },
  },
  signals: {
    PrepareForSleep: { start: 'b' },
  },
});
