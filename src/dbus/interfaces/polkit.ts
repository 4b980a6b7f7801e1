/**
 * org.freedesktop.PolicyKit1.Authority, as far as a service needs it that has its callers judged:
 * at `/org/freedesktop/PolicyKit1/Authority`. Names and signatures are polkit's.
 */

import { describeInterface } from '../interface.ts';

/** Judges who may do what, at `/org/freedesktop/PolicyKit1/Authority`. */
export const polkitAuthorityInterface = describeInterface({
  name: 'org.freedesktop.PolicyKit1.Authority',
  methods: {
    CheckAuthorization: {
      in: { subject: '(sa{sv})', action_id: 's', details: 'a{ss}', flags: 'u', cancellation_id: 's' },
      out: { result: '(bba{ss})' },
    },
    CancelCheckAuthorization: { in: { cancellation_id: 's' } },
  },
  signals: {},
});
