/** Errors: ConnMan's texts, and what an errno becomes. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConnmanError, DecodeError, errorFromErrno, SystemError } from '../../../src/shared/errors.ts';

test('a code brings its text', () => {
  const cause = new Error('below');
  const error = new ConnmanError('NoCarrier', undefined, { cause });
  assert.is(error.message, 'No carrier');
  assert.is(error.code, 'NoCarrier');
  assert.is(error.name, 'ConnmanError');
  assert.is(error.cause, cause);
  assert.is(new ConnmanError('Failed').message, 'Input/output error');
  assert.is(new ConnmanError('Failed', 'No such device').message, 'No such device');
});

const ERRNOS: readonly (readonly [errno: string, code: string, text: string])[] = [
  ['EINVAL', 'InvalidArguments', 'Invalid arguments'],
  ['EPERM', 'PermissionDenied', 'Permission denied'],
  ['EACCES', 'PermissionDenied', 'Permission denied'],
  ['ENOKEY', 'PassphraseRequired', 'Passphrase required'],
  ['ESRCH', 'NotRegistered', 'Not registered'],
  ['ENOTUNIQ', 'NotUnique', 'Not unique'],
  ['EOPNOTSUPP', 'NotSupported', 'Not supported'],
  ['ENOSYS', 'NotImplemented', 'Not implemented'],
  ['ENXIO', 'NotFound', 'Not found'],
  ['ENOLINK', 'NoCarrier', 'No carrier'],
  ['EALREADY', 'InProgress', 'In progress'],
  ['EINPROGRESS', 'InProgress', 'In progress'],
  ['EEXIST', 'AlreadyExists', 'Already exists'],
  ['EISCONN', 'AlreadyConnected', 'Already connected'],
  ['ENOTCONN', 'NotConnected', 'Not connected'],
  ['ECONNREFUSED', 'NotConnected', 'Not connected'],
  ['ECONNABORTED', 'OperationAborted', 'Operation aborted'],
  ['ETIMEDOUT', 'OperationTimeout', 'Operation timeout'],
  ['ECANCELED', 'OperationCanceled', 'Operation canceled'],
];

for (const [errno, code, text] of ERRNOS) {
  test(`${errno} is ${code}`, () => {
    const error = errorFromErrno(errno, 'the kernel said so');
    assert.is(error.code, code);
    assert.is(error.message, text);
  });
}

test('any other errno is Failed with its own text', () => {
  const cause = new SystemError('ENODEV', 19, 'bind', 'No such device');
  const error = errorFromErrno('ENODEV', 'No such device', cause);
  assert.is(error.code, 'Failed');
  assert.is(error.message, 'No such device');
  assert.is(error.cause, cause);
});

test('errors of parsers and of the kernel say where and what', () => {
  assert.is(new DecodeError('lease: 4 bytes wanted', 7).message, 'lease: 4 bytes wanted at offset 7');
  const error = new SystemError('ENETDOWN', 100, 'send', 'Network is down');
  assert.equal([error.message, error.code, error.errno], ['send: Network is down', 'ENETDOWN', 100]);
});

test.run();
