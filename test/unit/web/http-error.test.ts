/** Which failure an error of the kernel's or Node's stands for. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SystemError } from '../../../src/shared/errors.ts';
import { HttpError, httpErrorOf } from '../../../src/web/http-error.ts';

test('each code has its failure', () => {
  const failureOf = (code: string): string => httpErrorOf(new SystemError(code, 1, 'connect', 'text'), 'reset').failure;
  assert.is(failureOf('ECONNREFUSED'), 'refused');
  assert.is(failureOf('ENETUNREACH'), 'unreachable');
  assert.is(failureOf('ENODEV'), 'unreachable');
  assert.is(failureOf('ETIMEDOUT'), 'timeout');
  assert.is(failureOf('ECONNRESET'), 'reset');
  assert.is(failureOf('EWHATEVER'), 'reset');
});

test('what is an HttpError stays one, what is no error becomes one', () => {
  const error = new HttpError('dns', 'no address');
  assert.is(httpErrorOf(error, 'reset'), error);
  assert.is(httpErrorOf('text', 'tls').failure, 'tls');
  assert.is(httpErrorOf('text', 'tls').message, 'text');
});

test.run();
